/*
 * aggregator: turns records into rows.
 */
#include "common/base/xalloc.h"
#include "common/hours/terms.h"
#include "common/options/option_table.h"

#include "aggregator/modes/modes.h"

static const struct option_mode *const modes[] = {
	&aggregator_mode_once,
	&aggregator_mode_queue,
	&aggregator_mode_explain,
	&aggregator_mode_eventcounter,
	&aggregator_mode_declare,
	&aggregator_mode_publish,
	&aggregator_mode_dead_letters,
};

int
main(int argc, char **argv)
{
	struct aggregator a = {
		.job = { .from = "-", .to = "-", .limit = RECORD_NO_NUMBER },
		.counter = { .exchange = "user-events", .idle_exit_ms = -1 },
	};
	int code;

	code = program_main(modes, ARRAY_LEN(modes), argc, argv, &a);
	terms_free(a.terms);
	return code;
}
