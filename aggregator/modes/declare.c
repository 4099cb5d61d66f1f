/*
 * declare: aggregator --declare, which makes the exchanges, queues and bindings
 * of a list (amqp_plan.h).
 */
#include "aggregator/modes/amqp_plan.h"
#include "common/base/xalloc.h"

#include "aggregator/modes/modes.h"

static const struct option_row rows[] = {
	OPTION_TAKE('f', "from", "FROM", struct aggregator, job.from,
	    endpoint_take_from, "the list: -, a file"),
};

static int
check_declare(void *options)
{
	const struct aggregator *a = options;

	if (endpoint_is_queue(a->job.from))
		return prog_usage_error("--declare reads a list, from standard "
					"input or -f FILE");
	return -1;
}

static enum exit_code
run_declare(void *options)
{
	const struct aggregator *a = options;

	return a->common.only_check
		   ? PROG_OK
		   : amqp_plan_run(a->common.conf, a->job.from);
}

const struct option_mode aggregator_mode_declare = {
	.choice = OPTION_MODE(
	    "declare", "make the exchanges, queues and bindings of a list"),
	.about = "Makes the exchanges, queues and bindings that a list names, "
		 "a line each, as\nscripts/topology writes it.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_declare,
	.run = run_declare,
};
