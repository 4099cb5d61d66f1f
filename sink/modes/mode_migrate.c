/*
 * mode_migrate: sink --migrate.
 */
#include <stdlib.h>

#include "common/base/log.h"
#include "common/os/stop.h"
#include "sink/modes/modes.h"
#include "sink/rollup/recompute.h"
#include "sink/tables/migrate.h"

/* What was stored before there was response_rollups, or is to be added up
 * again. */
static enum exit_code
add_up_due(struct db *db)
{
	size_t days = 0;

	if (recompute_due(db, &days) != OUTCOME_DONE) {
		log_error("%s; run it again", db_why(db));
		return db_code(db);
	}
	if (days > 0)
		log_info("recomputed", "days=%zu", days);
	if (!stop_asked())
		return PROG_OK;
	log_warn("asked to stop; days may be left to cut off or to add up, run "
		 "it again");
	return PROG_TEMPFAIL;
}

static enum exit_code
migrate_database(struct sink *s, struct db **db)
{
	char *dir = prog_data("schema", "sink/schema");
	enum exit_code code;

	sink_allow_long_statements(*db);
	code = migrate_run(*db, s->common.conf, dir);
	free(dir);
	return code == PROG_OK ? add_up_due(*db) : code;
}

static enum exit_code
run_migrate(void *options)
{
	return sink_with_db(options, migrate_database);
}

const struct option_mode sink_mode_migrate = {
	.choice = OPTION_MODE(
	    "migrate", "make or upgrade the tables, write the thresholds"),
	.about = "Makes or upgrades the tables, and writes the thresholds that "
		 "views go by.\n",
	.run = run_migrate,
};
