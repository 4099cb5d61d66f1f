/*
 * queue: the aggregator reading a queue of records, as a daemon or until the
 * queue is empty (aggregator/stream/stream.h).
 */
#include "common/base/xalloc.h"

#include "aggregator/modes/modes.h"
#include "aggregator/stream/stream.h"

static const struct option_row rows[] = {
	AGGREGATOR_TO,
	AGGREGATOR_FORMAT,
	AGGREGATOR_METRICS,
	OPTION_TAKE(0, "assign-to", "TO", struct aggregator, assign_to,
	    endpoint_take, "where allocation's reservations go"),
	AGGREGATOR_CLOCK,
	AGGREGATOR_DEFINITION,
	OPTION_TEXT(0, "every", "TIME", struct aggregator, every,
	    "write changed rows at this interval (50ms)"),
	OPTION_TEXT(0, "keep-state", "WHERE", struct aggregator, keep_state,
	    "who has the state: local, database, auto"),
	OPTION_FLAG("rewrite", struct aggregator, job.rewrite,
	    "replace an older or other state in the database"),
	AGGREGATOR_STATE,
	AGGREGATOR_UNTIL_EMPTY,
	OPTION_TEXT(0, "window", "TIME", struct aggregator, window,
	    "how late a record may arrive (24h)"),
};

static enum exit_code
run_queue(void *options)
{
	struct aggregator *a = options;
	enum exit_code code;

	if (!aggregator_configure(a, &code))
		return code;
	return stream_run(&a->job);
}

const struct option_mode aggregator_mode_queue = {
	.choice = OPTION_TAKE('f', "from", "queue:NAME", struct aggregator,
	    job.from, endpoint_take, "run as a daemon, with a state"),
	.when = endpoint_is_queue,
	.title = "-f queue:NAME",
	.about = "Reads records and complete snapshots from a queue.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = aggregator_check_rows,
	.run = run_queue,
};
