/*
 * export_state: aggregator --export, which writes the state of a stream as
 * records (stream_export.c).
 */
#include "common/base/xalloc.h"

#include "aggregator/modes/modes.h"
#include "aggregator/stream/stream.h"

static const struct option_row rows[] = {
	AGGREGATOR_STATE,
	AGGREGATOR_TO_RECORDS,
	AGGREGATOR_DEFINITION,
	AGGREGATOR_WINDOW,
};

static enum exit_code
run_stream_export(void *options)
{
	struct aggregator *a = options;
	enum exit_code code;

	a->job.export = true;
	/* Those that are not in the state have nothing to hand over; nor has
	 * allocation, which a part need not be asked for. */
	a->metrics = "all";
	if (!aggregator_configure(a, &code))
		return code;
	a->job.selection.allocation = true;
	return stream_export(&a->job);
}

const struct option_mode aggregator_mode_export = {
	.choice =
	    OPTION_MODE("export", "write the state of a stream as records"),
	.about = "Writes the state of a stream as records, for the aggregators "
		 "of the next\ngeneration.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_stream_export,
};
