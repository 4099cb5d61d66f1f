/*
 * sink: stores the rows and records that the other programs write in MariaDB
 * or MySQL.
 */
#include "common/base/xalloc.h"
#include "common/hours/terms.h"
#include "common/options/option_table.h"
#include "sink/modes/modes.h"

static const struct option_mode *const modes[] = {
	&sink_mode_store,
	&sink_mode_migrate,
	&sink_mode_check,
	&sink_mode_recompute,
	&sink_mode_now,
	&sink_mode_get,
	&sink_mode_explain,
	&sink_mode_sql,
	&sink_mode_state,
	&sink_mode_report,
	&sink_mode_serve,
	&sink_mode_token,
	&sink_mode_openapi,
};

int
main(int argc, char **argv)
{
	struct sink s = { .format = OUTPUT_AUTO };

	int code = program_main(modes, ARRAY_LEN(modes), argc, argv, &s);

	terms_free(s.terms);
	return code;
}
