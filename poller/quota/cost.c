/*
 * cost: see cost.h.
 */
#include "poller/quota/cost.h"

#include "common/text/jsonw.h"

static double
all_calls(const struct forecast *f)
{
	return f->polls + f->reaper;
}

static bool
is_within_budget(const struct forecast *f, const struct tenant *t)
{
	return t->budget == 0 || all_calls(f) <= (double)t->budget;
}

bool
cost_is_affordable(const struct cost *c, const struct tenant *t)
{
	return is_within_budget(&c->forecast, t);
}

/* "26000 (26 % of [crm acme] budget)" */
static void
add_calls(struct buf *to, const struct forecast *f, const struct tenant *t)
{
	buf_addf(to, "%.0f", all_calls(f));
	if (t->budget > 0)
		buf_addf(to, " (%.0f %% of [%s] budget)",
		    all_calls(f) * 100 / (double)t->budget, t->section);
}

static void
add_advice(struct buf *to, const struct cost *c, const struct tenant *t)
{
	if (is_within_budget(&c->forecast, t))
		return;
	if (c->state)
		buf_adds(to, "; poll less often, or raise the budget");
	else if (is_within_budget(&c->other, t))
		buf_adds(to, "; set [poller] state");
	else
		buf_adds(to, "; set [poller] state, and poll less often or "
			     "raise the budget");
}

void
cost_describe(const struct cost *c, const struct tenant *t, struct buf *to)
{
	const struct forecast *f = &c->forecast;

	add_calls(to, f, t);
	buf_addf(to,
	    " in %d days: %u polls cost %.0f, %u runs of the reaper %.0f; %s",
	    FORECAST_DAYS, f->poll_runs, f->polls, f->reaper_runs, f->reaper,
	    f->measured ? "by what they cost in the last two weeks"
			: "guessed from how busy the chats are now");
	if (c->state && !f->measured)
		buf_addf(to, " until %d polls, and an hour, were measured",
		    FORECAST_MEASURED_RUNS);
	buf_addf(to, "; %s [poller] state ", c->state ? "without" : "with");
	add_calls(to, &c->other, t);
	if (c->used >= 0)
		buf_addf(to, "; %lld used this month", (long long)c->used);
	add_advice(to, c, t);
}

static int64_t
rounded(double n)
{
	return (int64_t)(n + 0.5);
}

void
cost_json(
    const struct cost *c, const struct tenant *t, bool known, struct buf *to)
{
	const struct forecast *f = &c->forecast;

	if (known) {
		jsonw_bool(to, "measured", f->measured);
		jsonw_int(to, "days", FORECAST_DAYS);
		jsonw_int(to, "polls", f->poll_runs);
		jsonw_int(to, "poll_calls", rounded(f->polls));
		jsonw_int(to, "reaper_runs", f->reaper_runs);
		jsonw_int(to, "reaper_calls", rounded(f->reaper));
		jsonw_int(to, "calls", rounded(all_calls(f)));
		jsonw_int(to, "calls_today", rounded(f->today));
		jsonw_int(to,
		    c->state ? "calls_without_state" : "calls_with_state",
		    rounded(all_calls(&c->other)));
		jsonw_int(to, "budget", t->budget);
	}
	if (c->used >= 0)
		jsonw_int(to, "used_this_month", c->used);
}
