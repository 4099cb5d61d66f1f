/*
 * model_times: questions about the times of a model (see the table in model.h),
 * for the files of this room.
 */
#ifndef AGGREGATOR_MODEL_MODEL_TIMES_H
#define AGGREGATOR_MODEL_MODEL_TIMES_H

#include "common/base/clock.h"

#include "aggregator/model/model_data.h"

/* Returns the time, limited to the clock if that is a bound. */
static inline int64_t
model_by_clock(const struct model *m, int64_t at)
{
	int64_t now = m->by_clock ? clock_now_ms() + m->ahead : at;

	return at < now ? at : now;
}

/* Returns the beginning of the window; INT64_MIN: it has none. */
static inline int64_t
model_window_start(const struct model *m)
{
	return m->window > 0 && m->as_of != CLOCK_NONE ? m->as_of - m->window
						       : INT64_MIN;
}

/* True if it is older than the window. */
static inline bool
model_is_late(const struct model *m, int64_t at)
{
	return at < model_window_start(m);
}

/* True while the records of a snapshot are added. */
static inline bool
model_in_snapshot(const struct model *m)
{
	return m->snapshot_at != CLOCK_NONE;
}

#endif
