/*
 * stream_trace: tells the log where the time of records goes, with -vvv, for
 * tests/bench/trace.py, which joins it by the numbers of lines: those that came
 * in, and those that went out. All times are of the monotonic clock, in
 * microseconds.
 */
#include "aggregator/stream/stream.h"

#include <inttypes.h>

#include "common/base/clock.h"
#include "common/base/log.h"

static uint64_t
lines_out(const struct stream *s)
{
	return s->counts.passed + s->counts.rows;
}

void
stream_trace(struct stream *s, enum stream_trace_step step)
{
	if (!log_traces())
		return;
	s->trace[step] = clock_mono_us();
	if (step == STREAM_TRACE_BEGIN) {
		s->traced_before = s->traced;
		s->traced = s->counts.records;
	}
	if (step == STREAM_TRACE_WRITTEN)
		s->traced_out = lines_out(s);
}

void
stream_trace_block(const struct stream *s, uint64_t before)
{
	if (log_traces_some(before, s->counts.records))
		log_trace("trace_read",
		    "before=%" PRIu64 " lines=%" PRIu64 " out=%" PRIu64
		    " read=%" PRId64,
		    before, s->counts.records, lines_out(s), clock_mono_us());
}

void
stream_trace_flush(struct stream *s)
{
	const int64_t *t = s->trace;

	if (s->traced > s->traced_before)
		log_trace("trace_flush",
		    "before=%" PRIu64 " lines=%" PRIu64 " out=%" PRIu64
		    " begin=%" PRId64 " recomputed=%" PRId64
		    " committed=%" PRId64 " written=%" PRId64
		    " confirmed=%" PRId64,
		    s->traced_before, s->traced, s->traced_out,
		    t[STREAM_TRACE_BEGIN], t[STREAM_TRACE_RECOMPUTED],
		    t[STREAM_TRACE_COMMITTED], t[STREAM_TRACE_WRITTEN],
		    t[STREAM_TRACE_CONFIRMED]);
}
