/*
 * quota: see quota.h.
 */
#include "poller/crm/quota.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/containers/pack.h"

/* ---- pace ---- */

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

/* ---- usage ---- */

/* Polls, status runs and assigning have different keys, so
 * that none overwrites what another adds meanwhile. */

#define LAYOUT 2 /* of a day */

#define KEEP_DAYS 7

#define KEY 24

static const char letters[USAGE_WHO] = { 'p', 's', 'a' };
const char *const usage_names[USAGE_WHO] = { "poll", "status", "assign" };

/* The sums of a day. */
struct usage_day {
	uint64_t polls, list, changes;
	uint64_t interval_ms; /* of all polls together */
};

uint64_t
usage_calls(const uint64_t calls[PROFILE_CALLS])
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < PROFILE_CALLS; i++)
		n += calls[i];
	return n;
}

/* "p2026-11-20" */
static void
day_key(enum usage_who who, int64_t now_ms, char key[KEY])
{
	char text[CLOCK_TEXT];

	clock_format(now_ms, text);
	(void)snprintf(key, KEY, "%c%.10s", letters[who], text);
}

/* "p calls 2026-11" */
static void
month_key(enum usage_who who, int64_t now_ms, char key[KEY])
{
	char text[CLOCK_TEXT];

	clock_format(now_ms, text);
	(void)snprintf(key, KEY, "%c calls %.7s", letters[who], text);
}

uint64_t
usage_month(struct store *s, int64_t now_ms)
{
	int64_t n = 0;
	char key[KEY];
	size_t i;

	for (i = 0; i < USAGE_WHO; i++) {
		month_key((enum usage_who)i, now_ms, key);
		n += store_number(s, key, 0);
	}
	return (uint64_t)n;
}

int64_t
usage_month_end(int64_t now_ms)
{
	struct clock_date d = clock_split(now_ms);
	bool last = d.month == 12;

	return 1000 *
	       clock_civil(d.year + last, last ? 1 : d.month + 1, 1, 0, 0, 0);
}

static void
pack_day(const struct usage_day *d, struct buf *to)
{
	pack_put_number(to, LAYOUT);
	pack_put_number(to, d->polls);
	pack_put_number(to, d->list);
	pack_put_number(to, d->changes);
	pack_put_number(to, d->interval_ms);
}

/* Adds a stored day; one that is damaged counts as nothing. */
static void
add_packed(struct usage_day *to, const void *data, size_t len)
{
	struct pack r = pack_open(data, len, LAYOUT);
	struct usage_day d;

	d.polls = pack_number(&r);
	d.list = pack_number(&r);
	d.changes = pack_number(&r);
	d.interval_ms = pack_number(&r);
	if (pack_end(&r) != 0)
		return;
	to->polls += d.polls;
	to->list += d.list;
	to->changes += d.changes;
	to->interval_ms += d.interval_ms;
}

struct usage_expiry {
	struct store *store;
	char oldest[USAGE_WHO][KEY], newest[USAGE_WHO][KEY];
};

/* Days of the future are of a clock that was ahead, and would stay until it is
 * right. */
static void
drop_old_day(void *ctx, const char *key, const void *data, size_t len)
{
	struct usage_expiry *f = ctx;
	size_t i;

	(void)data;
	(void)len;
	for (i = 0; i < USAGE_WHO; i++) {
		if (key[0] == letters[i] && (strcmp(key, f->oldest[i]) < 0 ||
						strcmp(key, f->newest[i]) > 0))
			store_delete(f->store, STORE_STATISTICS, key);
	}
}

static void
drop_old_days(struct store *s, int64_t now_ms)
{
	struct usage_expiry f = { .store = s };
	size_t i;

	for (i = 0; i < USAGE_WHO; i++) {
		day_key((enum usage_who)i, now_ms - (KEEP_DAYS - 1) * DAY_MS,
		    f.oldest[i]);
		day_key((enum usage_who)i, now_ms + KEEP_DAYS * DAY_MS,
		    f.newest[i]);
	}
	store_each(s, STORE_STATISTICS, drop_old_day, &f);
}

static void
add_to_day(struct store *s, enum usage_who who, int64_t now_ms,
    const struct usage_day *more)
{
	struct usage_day day = *more;
	struct buf b = BUF_INIT;
	const void *data;
	char key[KEY];
	size_t len;

	day_key(who, now_ms, key);
	if (store_get(s, STORE_STATISTICS, key, &data, &len))
		add_packed(&day, data, len);
	pack_day(&day, &b);
	store_put(s, STORE_STATISTICS, key, b.data, b.len);
	buf_release(&b);
	drop_old_days(s, now_ms);
}

void
usage_add_poll(struct store *s, int64_t now_ms, int64_t interval_ms,
    const uint64_t calls[PROFILE_CALLS])
{
	struct usage_day d = { .polls = 1 };
	int64_t first = store_number(s, "p first", 0);

	if (first == 0 || first > now_ms)
		store_set_number(s, "p first", now_ms - interval_ms);
	d.list = calls[PROFILE_CHATS] + calls[PROFILE_OPERATORS];
	d.changes = usage_calls(calls) - d.list;
	d.interval_ms = (uint64_t)interval_ms;
	add_to_day(s, USAGE_POLL, now_ms, &d);
}

void
usage_add(struct store *s, enum usage_who who, int64_t now_ms, uint64_t calls)
{
	const struct usage_day d = { .changes = calls };
	char key[KEY];

	if (calls == 0)
		return;
	month_key(who, now_ms, key);
	store_set_number(s, key, store_number(s, key, 0) + (int64_t)calls);
	if (who != USAGE_POLL)
		add_to_day(s, who, now_ms, &d);
}

static void
sum_day(void *ctx, const char *key, const void *data, size_t len)
{
	(void)key;
	add_packed(ctx, data, len);
}

struct pace_measurement
usage_measure(struct store *s, int64_t now_ms)
{
	int64_t kept = clock_floor(now_ms, DAY_MS) - (KEEP_DAYS - 1) * DAY_MS;
	int64_t first = store_number(s, "p first", now_ms);
	struct usage_day d = { .polls = 0 };

	store_each(s, STORE_STATISTICS, sum_day, &d);
	return (struct pace_measurement){
		.since_ms = first > kept ? first : kept,
		.polls = (double)d.polls,
		.minutes = (double)d.interval_ms / MINUTE_MS,
		.list = (double)d.list,
		.changes = (double)d.changes,
	};
}

/* ---- quota ---- */

/* cron starts a job some seconds early or late, and the CRM's clock is not
 * known exactly. */
#define JITTER_MS (30 * INT64_C(1000))

#define SLOWEST_MS (PACE_SLOWEST * MINUTE_MS)

struct pace_month
quota_month(const struct tenant *t, struct store *s, int64_t now_ms)
{
	return (struct pace_month){
		.budget = t->budget,
		.used = s != NULL ? (int64_t)usage_month(s, now_ms) : 0,
		.now_ms = now_ms,
		.end_ms = usage_month_end(now_ms),
	};
}

unsigned
quota_interval(const struct tenant *t, struct store *s, int64_t now_ms)
{
	struct pace_measurement measured;
	struct pace_month month;

	if (t->budget == 0)
		return 1;
	measured = usage_measure(s, now_ms);
	month = quota_month(t, s, now_ms);
	return pace_compute(&month, &measured).interval;
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
			 " calls of this month ([%s] budget) are used; polls "
			 "continue every %u minutes",
		    t->name, t->budget, t->section, interval);
	else
		log_warn(
		    "tenant %s: polls every %u minutes, so that the %" PRId64
		    " calls of this month ([%s] budget) last; %" PRIu64
		    " are used",
		    t->name, interval, t->budget, t->section, used);
}
