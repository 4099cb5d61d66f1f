/*
 * explain_mode: aggregator --explain, a one-shot run that shows one chat
 * (explain.h).
 */
#include "common/base/xalloc.h"

#include "aggregator/modes/modes.h"

static const struct option_row rows[] = {
	AGGREGATOR_FROM,
	AGGREGATOR_TO,
	AGGREGATOR_FORMAT,
	AGGREGATOR_CLOCK,
	AGGREGATOR_DEFINITION,
	AGGREGATOR_TENANT,
};

static int
check_explain(void *options)
{
	const struct aggregator *a = options;

	if (endpoint_is_queue(a->job.from))
		return prog_usage_error(
		    "--explain reads a file or standard input");
	return aggregator_check_rows(options);
}

const struct option_mode aggregator_mode_explain = {
	.choice = OPTION_TEXT(0, "explain", "CHAT", struct aggregator,
	    job.explain, "its messages, and what they did to the clocks"),
	.about = "Shows CHAT message by message: which clock each one started "
		 "or stopped, the\nseconds, and who is credited.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_explain,
	.run = aggregator_run_once,
};
