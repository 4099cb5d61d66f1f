/*
 * mode_check: sink --check.
 */
#include <stdlib.h>

#include "common/base/xalloc.h"
#include "sink/check/check.h"
#include "sink/modes/modes.h"

/* If the server is away, the check reports that within five seconds. */
#define WAIT_MS 3000

static const struct option_row rows[] = {
	OPTION_FORMAT(struct sink, format),
};

static enum exit_code
check_database(struct sink *s, struct db **db)
{
	char *dir = prog_data("schema", "sink/schema");
	enum exit_code code;

	db_hurry(*db, WAIT_MS);
	code = check_run(
	    *db, s->common.conf, dir, s->format, s->common.verbose > 0);

	free(dir);
	return code;
}

static enum exit_code
run_check(void *options)
{
	return sink_with_db(options, check_database);
}

const struct option_mode sink_mode_check = {
	.choice =
	    OPTION_MODE("check", "check server, tables, thresholds and rights"),
	.about = "Checks the server, the tables, the thresholds and the user's "
		 "rights.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_check,
};
