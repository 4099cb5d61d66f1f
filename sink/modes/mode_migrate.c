/*
 * mode_migrate: sink --migrate.
 */
#include <stdlib.h>

#include "sink/modes/modes.h"
#include "sink/tables/migrate.h"

static enum exit_code
migrate_database(struct sink *s, struct db **db)
{
	char *dir = prog_data("schema", "sink/schema");
	enum exit_code code;

	sink_allow_long_statements(*db);
	code = migrate_run(*db, s->common.conf, dir);
	free(dir);
	return code;
}

static enum exit_code
run_migrate(void *options)
{
	return sink_with_db(options, migrate_database);
}

const struct option_mode sink_mode_migrate = {
	.choice = OPTION_MODE("migrate", "create or compare the tables"),
	.about = "Creates the tables, or refuses those that differ, and stores "
		 "the thresholds that\nviews use.\n",
	.run = run_migrate,
};
