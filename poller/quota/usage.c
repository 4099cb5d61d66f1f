/*
 * usage: see usage.h. Polls, status runs and assigning have different keys, so
 * that none overwrites what another adds meanwhile.
 */
#include "poller/quota/usage.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/containers/pack.h"

#define LAYOUT 1 /* of an hour */

#define KEEP_SECONDS ((time_t)14 * 24 * 3600)

static const char letters[USAGE_WHO] = { 'p', 's', 'a' };

uint64_t
usage_calls(const uint64_t calls[PROFILE_CALLS])
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < PROFILE_CALLS; i++)
		n += calls[i];
	return n;
}

static void
sum_usage(struct call_usage *to, const struct call_usage *u)
{
	size_t i;

	to->runs += u->runs;
	to->left += u->left;
	for (i = 0; i < PROFILE_CALLS; i++)
		to->calls[i] += u->calls[i];
}

/* "p2026112010": the hour of local time. */
static void
hour_key(enum usage_who who, time_t t, char *key, size_t size)
{
	struct tm tm = { 0 };

	(void)localtime_r(&t, &tm);
	key[0] = letters[who];
	(void)strftime(key + 1, size - 1, "%Y%m%d%H", &tm);
}

/* "p calls 2026-11" */
static void
month_key(enum usage_who who, int64_t now_ms, char *key, size_t size)
{
	char text[CLOCK_TEXT];

	clock_format(now_ms, text);
	(void)snprintf(key, size, "%c calls %.7s", letters[who], text);
}

/* "p first", "p last": runs, in ms. */
static void
span_key(enum usage_who who, const char *end, char *key, size_t size)
{
	(void)snprintf(key, size, "%c %s", letters[who], end);
}

static void
add_to_span(struct store *s, enum usage_who who, int64_t now_ms)
{
	char key[16];
	int64_t first;

	span_key(who, "first", key, sizeof key);
	first = store_number(s, key, 0);
	if (first == 0 || first > now_ms)
		store_set_number(s, key, now_ms);
	span_key(who, "last", key, sizeof key);
	store_set_number(s, key, now_ms);
}

int64_t
usage_span(struct store *s, enum usage_who who)
{
	char first[16], last[16];

	span_key(who, "first", first, sizeof first);
	span_key(who, "last", last, sizeof last);
	return store_number(s, last, 0) - store_number(s, first, 0);
}

struct usage_expiry {
	struct store *store;
	char oldest[USAGE_WHO][16], newest[USAGE_WHO][16];
};

/* Hours of the future are of a clock that was ahead, and would stay until it is
 * right. */
static void
drop_old_hour(void *ctx, const char *key, const void *data, size_t len)
{
	struct usage_expiry *f = ctx;
	size_t i;

	(void)data;
	(void)len;
	for (i = 0; i < USAGE_WHO; i++) {
		if (key[0] == f->oldest[i][0] &&
		    (strcmp(key, f->oldest[i]) < 0 ||
			strcmp(key, f->newest[i]) > 0))
			store_delete(f->store, STORE_STATISTICS, key);
	}
}

void
usage_add_month(
    struct store *s, enum usage_who who, int64_t now_ms, uint64_t calls)
{
	char key[32];

	month_key(who, now_ms, key, sizeof key);
	if (calls > 0)
		store_set_number(
		    s, key, store_number(s, key, 0) + (int64_t)calls);
}

static void
pack_hour(const struct call_usage *u, struct buf *to)
{
	size_t i;

	pack_put_number(to, LAYOUT);
	pack_put_number(to, u->runs);
	for (i = 0; i < PROFILE_CALLS; i++)
		pack_put_number(to, u->calls[i]);
	pack_put_number(to, u->left);
}

/* -1, and zeros, if the entry is damaged. */
static int
unpack_hour(const void *data, size_t len, struct call_usage *u)
{
	struct pack r = pack_open(data, len, LAYOUT);
	size_t i;

	u->runs = pack_number(&r);
	for (i = 0; i < PROFILE_CALLS; i++)
		u->calls[i] = pack_number(&r);
	u->left = pack_number(&r);
	if (pack_end(&r) == 0)
		return 0;
	memset(u, 0, sizeof *u);
	return -1;
}

void
usage_add_run(struct store *s, enum usage_who who, int64_t now_ms,
    const struct call_usage *u)
{
	time_t now = (time_t)(now_ms / 1000);
	struct usage_expiry f = { .store = s };
	struct call_usage hour = { .runs = 0 };
	struct buf b = BUF_INIT;
	const void *data;
	char key[16];
	size_t len, i;

	hour_key(who, now, key, sizeof key);
	if (store_get(s, STORE_STATISTICS, key, &data, &len))
		(void)unpack_hour(data, len, &hour);
	sum_usage(&hour, u);
	pack_hour(&hour, &b);
	store_put(s, STORE_STATISTICS, key, b.data, b.len);
	buf_release(&b);
	add_to_span(s, who, now_ms);

	for (i = 0; i < USAGE_WHO; i++) {
		hour_key((enum usage_who)i, now - KEEP_SECONDS, f.oldest[i],
		    sizeof f.oldest[i]);
		hour_key((enum usage_who)i, now + KEEP_SECONDS, f.newest[i],
		    sizeof f.newest[i]);
	}
	store_each(s, STORE_STATISTICS, drop_old_hour, &f);
}

uint64_t
usage_month(struct store *s, int64_t now_ms)
{
	int64_t n = 0;
	char key[32];
	size_t i;

	for (i = 0; i < USAGE_WHO; i++) {
		month_key((enum usage_who)i, now_ms, key, sizeof key);
		n += store_number(s, key, 0);
	}
	return (uint64_t)n;
}

struct summing {
	enum usage_who who;
	struct call_usage *hours;
};

static void
sum_hour(void *ctx, const char *key, const void *data, size_t len)
{
	struct summing *s = ctx;
	struct call_usage u;
	int64_t hour;

	if (key[0] != letters[s->who] || strlen(key) != 11 ||
	    parse_int(key[9] == '0' ? key + 10 : key + 9, 0, 23, &hour) != 0 ||
	    unpack_hour(data, len, &u) == -1)
		return;
	sum_usage(&s->hours[hour], &u);
}

void
usage_hours(struct store *s, enum usage_who who, struct call_usage hours[24])
{
	struct summing sums = { who, hours };

	memset(hours, 0, 24 * sizeof *hours);
	store_each(s, STORE_STATISTICS, sum_hour, &sums);
}
