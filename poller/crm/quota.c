/*
 * quota: see quota.h.
 */
#include "poller/crm/quota.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/log.h"

/* ---- pace ---- */

#define PLANNED 0.98 /* share of the budget */

bool
pace_is_measured(const struct pace_month *m)
{
	return m->polls > 0 && m->minutes >= PACE_MEASURED_MINUTES;
}

/* Returns the minutes of polling until the month ends. */
static double
minutes_left(const struct pace_month *m)
{
	double left = (double)(m->end_ms - m->now_ms) / MINUTE_MS;
	double measured = (double)(m->now_ms - m->since_ms) / MINUTE_MS;

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
pace_compute(const struct pace_month *m)
{
	struct pace p = { 1, 1, (double)m->used };
	double left, minutes, list, changes;

	if (!pace_is_measured(m)) {
		if (m->budget > 0 && m->used >= m->budget)
			p.interval = PACE_SLOWEST;
		return p;
	}
	left = (double)m->budget * PLANNED - (double)m->used;
	minutes = minutes_left(m);
	list = m->list / m->polls;
	changes = m->changes / m->minutes;
	if (m->budget > 0 && minutes > 0)
		p.interval = interval(list, left / minutes - changes);
	if (p.interval == 0)
		p.interval = 1;
	p.apart = m->minutes / m->polls;
	if (p.interval > p.apart)
		p.apart = p.interval;
	p.expected += minutes * (list / p.apart + changes);
	return p;
}

/* ---- usage ---- */

/* Each kind of run has its own keys, so that no run overwrites what another
 * adds meanwhile: "poll ok 2026-11". */

#define KEY 32

const char *const usage_names[USAGE_WHO] = {
	"poll",
	"status",
	"assign",
	"backfill",
};

uint64_t
usage_sum(const uint64_t calls[CALL_RESULTS])
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < CALL_RESULTS; i++)
		n += calls[i];
	return n;
}

static void
month_key(enum usage_who who, const char *what, int64_t now_ms, char key[KEY])
{
	char text[CLOCK_TEXT];

	clock_format(now_ms, text);
	(void)snprintf(key, KEY, "%s %s %.7s", usage_names[who], what, text);
}

/* Returns a number for the month of now_ms. */
static int64_t
month_number(
    struct store *s, enum usage_who who, const char *what, int64_t now_ms)
{
	char key[KEY];

	month_key(who, what, now_ms, key);
	return store_number(s, key, 0);
}

static void
add_to_month(struct store *s, enum usage_who who, const char *what,
    int64_t now_ms, int64_t n)
{
	char key[KEY];

	month_key(who, what, now_ms, key);
	store_set_number(s, key, store_number(s, key, 0) + n);
}

uint64_t
usage_month_of(struct store *s, enum usage_who who, int64_t now_ms,
    uint64_t calls[CALL_RESULTS])
{
	size_t i;

	for (i = 0; i < CALL_RESULTS; i++)
		calls[i] = (uint64_t)month_number(
		    s, who, call_result_names[i], now_ms);
	return usage_sum(calls);
}

uint64_t
usage_month(struct store *s, int64_t now_ms)
{
	uint64_t calls[CALL_RESULTS], n = 0;
	size_t i;

	for (i = 0; i < USAGE_WHO; i++)
		n += usage_month_of(s, (enum usage_who)i, now_ms, calls);
	return n;
}

int64_t
usage_month_end(int64_t now_ms)
{
	struct clock_date d = clock_split(now_ms);
	bool last = d.month == 12;

	return 1000 *
	       clock_civil(d.year + last, last ? 1 : d.month + 1, 1, 0, 0, 0);
}

void
usage_add_poll(struct store *s, int64_t now_ms, int64_t interval_ms,
    const uint64_t calls[PROFILE_CALLS])
{
	uint64_t list = calls[PROFILE_CHATS] + calls[PROFILE_OPERATORS];
	uint64_t changes = 0;
	size_t i;

	for (i = 0; i < PROFILE_CALLS; i++)
		changes += calls[i];
	changes -= list;
	if (month_number(s, USAGE_POLL, "polls", now_ms) == 0)
		add_to_month(
		    s, USAGE_POLL, "since", now_ms, now_ms - interval_ms);
	add_to_month(s, USAGE_POLL, "polls", now_ms, 1);
	add_to_month(s, USAGE_POLL, "interval", now_ms, interval_ms);
	add_to_month(s, USAGE_POLL, "list", now_ms, (int64_t)list);
	add_to_month(s, USAGE_POLL, "changes", now_ms, (int64_t)changes);
}

void
usage_add(struct store *s, enum usage_who who, int64_t now_ms,
    const uint64_t counted[CALL_RESULTS], const uint64_t calls[CALL_RESULTS])
{
	size_t i;

	for (i = 0; i < CALL_RESULTS; i++)
		if (calls[i] != counted[i])
			add_to_month(s, who, call_result_names[i], now_ms,
			    (int64_t)(calls[i] - counted[i]));
}

struct pace_month
usage_measure(struct store *s, int64_t now_ms)
{
	struct pace_month m = { .now_ms = now_ms,
		.end_ms = usage_month_end(now_ms) };
	uint64_t calls[CALL_RESULTS], other;

	if (s == NULL)
		return m;
	m.used = (int64_t)usage_month(s, now_ms);
	m.since_ms = month_number(s, USAGE_POLL, "since", now_ms);
	m.polls = (double)month_number(s, USAGE_POLL, "polls", now_ms);
	m.minutes =
	    (double)month_number(s, USAGE_POLL, "interval", now_ms) / MINUTE_MS;
	m.list = (double)month_number(s, USAGE_POLL, "list", now_ms);
	other = usage_month_of(s, USAGE_STATUS, now_ms, calls) +
		usage_month_of(s, USAGE_ASSIGN, now_ms, calls);
	m.changes = (double)other +
		    (double)month_number(s, USAGE_POLL, "changes", now_ms);
	return m;
}

/* ---- quota ---- */

/* cron starts a job a few seconds early or late, and the CRM's clock is not
 * known exactly. */
#define JITTER_MS (30 * INT64_C(1000))

#define SLOWEST_MS (PACE_SLOWEST * MINUTE_MS)

unsigned
quota_interval(const struct tenant *t, struct store *s, int64_t now_ms)
{
	struct pace_month m = usage_measure(s, now_ms);

	m.budget = t->budget;
	return pace_compute(&m).interval;
}

bool
quota_is_recent(struct store *s, unsigned interval, int64_t now_ms)
{
	int64_t ago = now_ms - store_number(s, "polled", 0);

	return interval > 1 && ago > -JITTER_MS &&
	       ago < interval * MINUTE_MS - JITTER_MS;
}

int64_t
quota_begin_poll(struct store *s, int64_t now_ms)
{
	int64_t ago = now_ms - store_number(s, "polled", now_ms);

	store_set_number(s, "polled", now_ms);
	return ago < 0 ? 0 : ago < SLOWEST_MS ? ago : SLOWEST_MS;
}

void
quota_warn(const struct tenant *t, struct store *s, int64_t now_ms)
{
	unsigned interval = quota_interval(t, s, now_ms);
	int64_t today = now_ms / DAY_MS;
	uint64_t used = usage_month(s, now_ms);

	if (interval <= 1 || store_number(s, "budget_warned", 0) == today)
		return;
	store_set_number(s, "budget_warned", today);
	if (used >= (uint64_t)t->budget)
		log_warn("tenant %s: all %" PRId64
			 " calls for this month ([%s] budget) are used up; "
			 "polls continue every %u minutes",
		    t->name, t->budget, t->section, interval);
	else
		log_warn(
		    "tenant %s: polls every %u minutes, so that the %" PRId64
		    " calls for this month ([%s] budget) last; %" PRIu64
		    " are used",
		    t->name, interval, t->budget, t->section, used);
}
