/*
 * pace: see pace.h.
 */
#include "poller/quota/pace.h"

#include "common/base/clock.h"

#define PLANNED 0.98 /* of the budget */

bool
pace_is_measured(const struct pace_measurement *m)
{
	return m->polls > 0 && m->minutes >= PACE_MEASURED_MINUTES;
}

/* Minutes of polling until the month ends. */
static double
minutes_left(const struct pace_month *month, const struct pace_measurement *m)
{
	double left = (double)(month->end_ms - month->now_ms) / MINUTE_MS;
	double measured = (double)(month->now_ms - m->since_ms) / MINUTE_MS;

	if (measured < (double)DAY_MS / MINUTE_MS || m->minutes > measured)
		return left;
	return left * m->minutes / measured;
}

static unsigned
interval(double list, double pays)
{
	double n;

	if (pays <= 0 || list > pays * PACE_SLOWEST)
		return PACE_SLOWEST;
	n = list / pays;
	return (unsigned)n + (n > (unsigned)n);
}

struct pace
pace_compute(const struct pace_month *month, const struct pace_measurement *m)
{
	struct pace p = { 1, 1, (double)month->used };
	double left, minutes, list, changes;

	if (!pace_is_measured(m)) {
		if (month->budget > 0 && month->used >= month->budget)
			p.interval = PACE_SLOWEST;
		return p;
	}
	left = (double)month->budget * PLANNED - (double)month->used;
	minutes = minutes_left(month, m);
	list = m->list / m->polls;
	changes = m->changes / m->minutes;
	if (month->budget > 0 && minutes > 0)
		p.interval = interval(list, left / minutes - changes);
	if (p.interval == 0)
		p.interval = 1;
	p.apart = m->minutes / m->polls;
	if (p.interval > p.apart)
		p.apart = p.interval;
	p.expected += minutes * (list / p.apart + changes);
	return p;
}
