/*
 * forecast: see forecast.h.
 *
 * A poll in some hour of the day costs what it cost in that hour of the last
 * two weeks; in an hour without measurements, the average of all hours; with
 * too few measurements, an estimate: the pages of the list, a call for each
 * chat that changes, sometimes the operators, and each customer once a day; how
 * many chats will leave, which a poll may ask for, nothing shows yet.
 * Without a state it is the list, the operators and a call for each chat and
 * customer, every time.
 *
 * The reaper asks about each chat that left the list while polls run, and for
 * the whole list while they do not.
 */
#include "poller/quota/forecast.h"

#include <string.h>

#include "common/base/clock.h"

/* Calls of one run, by hour of the day, and the average of all hours. */
struct hourly_cost {
	double of[24], average;
	bool known[24], any;
};

static void
measure_hours(struct hourly_cost *c, const struct call_usage *hours)
{
	uint64_t runs = 0, calls = 0;
	size_t h;

	memset(c, 0, sizeof *c);
	for (h = 0; hours != NULL && h < 24; h++) {
		if (hours[h].runs == 0)
			continue;
		c->known[h] = c->any = true;
		c->of[h] =
		    (double)usage_calls(hours[h].calls) / (double)hours[h].runs;
		runs += hours[h].runs;
		calls += usage_calls(hours[h].calls);
	}
	if (runs > 0)
		c->average = (double)calls / (double)runs;
}

static double
poll_cost(const struct forecast_input *in, const struct hourly_cost *c,
    size_t hour, double per_hour)
{
	double gap = per_hour > 0 ? 60 / per_hour : 60; /* minutes */
	double every = (double)in->operators_every_ms / MINUTE_MS;

	double changed = in->changed_per_minute * gap;

	if (!in->state)
		return in->pages + in->operator_pages + in->chats +
		       in->customers;
	if (c->known[hour])
		return c->of[hour];
	if (c->any)
		return c->average;
	return in->pages + (changed < in->chats ? changed : in->chats) +
	       in->operator_pages * (every > gap ? gap / every : 1);
}

static bool
is_enough(const struct forecast_input *in)
{
	uint64_t runs = 0;
	size_t h;

	for (h = 0; in->polls != NULL && h < 24; h++)
		runs += in->polls[h].runs;
	return runs >= FORECAST_MEASURED_RUNS &&
	       in->measured_ms >= FORECAST_MEASURED_MS;
}

/* Chats that leave the list in a minute. */
static double
leaving(const struct call_usage *polls, size_t hour, double polls_per_hour)
{
	if (polls == NULL || polls[hour].runs == 0)
		return 0;
	return (double)polls[hour].left / (double)polls[hour].runs *
	       polls_per_hour / 60;
}

static double
reaper_cost(const struct forecast_input *in, const struct hourly_cost *c,
    size_t hour, double polls_per_hour, double runs_per_hour)
{
	double gap = runs_per_hour > 0 ? 60 / runs_per_hour : 60;

	if (c->known[hour])
		return c->of[hour];
	if (polls_per_hour < 30) /* the snapshot is old: it reads the list */
		return in->pages;
	return leaving(in->polls, hour, polls_per_hour) * gap;
}

/* Their names are kept for a day. */
static void
add_customers(const struct forecast_input *in, const unsigned day_polls[24],
    struct forecast *out)
{
	unsigned today = 0;
	size_t h;

	for (h = 0; h < 24; h++)
		today += day_polls[h];
	if (today > 0)
		out->today += in->customers;
	/* On fewer days, if there are fewer polls. */
	out->polls +=
	    in->customers *
	    (out->poll_runs < FORECAST_DAYS ? out->poll_runs : FORECAST_DAYS);
}

void
forecast_compute(const struct forecast_input *in, struct forecast *out)
{
	unsigned polls[24], runs[24], day_polls[24], day_runs[24];
	struct hourly_cost poll, run;
	double a, b, per_hour;
	size_t h;

	*out = (struct forecast){ .polls = 0 };
	measure_hours(&poll, in->state && is_enough(in) ? in->polls : NULL);
	measure_hours(&run, in->runs);
	cron_expr_count(in->schedule, in->now_ms, FORECAST_DAYS, polls);
	cron_expr_count(in->reaper, in->now_ms, FORECAST_DAYS, runs);
	cron_expr_count(in->schedule, in->now_ms, 1, day_polls);
	cron_expr_count(in->reaper, in->now_ms, 1, day_runs);
	for (h = 0; h < 24; h++) {
		per_hour = (double)polls[h] / FORECAST_DAYS;
		a = poll_cost(in, &poll, h, per_hour);
		b = reaper_cost(
		    in, &run, h, per_hour, (double)runs[h] / FORECAST_DAYS);
		out->polls += polls[h] * a;
		out->reaper += runs[h] * b;
		out->today += day_polls[h] * a + day_runs[h] * b;
		out->poll_runs += polls[h];
		out->reaper_runs += runs[h];
	}
	if (in->state && !poll.any)
		add_customers(in, day_polls, out);
	out->measured = poll.any;
	out->measured_reaper = run.any;
}
