/*
 * consume_trace: see consume_trace.h.
 */
#include "sink/read/consume_trace.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"

void
consume_trace_read(uint64_t lines)
{
	if (log_traces())
		log_trace("trace_read", "lines=%" PRIu64 " read=%" PRId64,
		    lines, clock_mono_us());
}

void
consume_trace_start(struct batch_group *g, uint64_t lines)
{
	if (!log_traces())
		return;
	g->storing_lines = lines;
	g->storing_us = clock_mono_us();
}

void
consume_trace_stored(const struct batch_group *g)
{
	if (log_traces())
		log_trace("trace_stored",
		    "lines=%" PRIu64 " rows=%zu parts=%zu started=%" PRId64
		    " stored=%" PRId64,
		    g->storing_lines, g->rows, g->parts, g->storing_us,
		    clock_mono_us());
}
