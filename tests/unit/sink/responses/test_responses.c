/*
 * Tests of sink/responses without a database: which hours are read as a whole,
 * the span before, and what is computed from buckets. tests/e2e/api_responses.t
 * has the rest.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"
#include "sink/responses/response_sums.h"

static int64_t
time_of(const char *text)
{
	int64_t ms = 0;

	assert_int_equal(clock_parse(text, strlen(text), &ms), 0);
	return ms;
}

static const char *
no_parameter(const struct web_request *r, const char *name)
{
	(void)r;
	(void)name;
	return NULL;
}

/* Cuts a range into periods, and plans them. */
static void
plan(struct response_span *s, struct response_plan *p, const char *zone,
    enum response_by by, const char *from, const char *to)
{
	struct web_request request = { .query = no_parameter };
	struct web_answer answer = { .status = 200 };
	struct question q = { .request = &request, .answer = &answer };
	struct zone *z = zone_open(zone, NULL);

	assert_non_null(z);
	*p = (struct response_plan){ .from = 0 };
	*s = (struct response_span){
		.zone = z, .from = time_of(from), .to = time_of(to)
	};
	assert_true(response_span_cut(&q, s, by));
	response_plan_periods(p, s);
	zone_close(z);
	s->zone = NULL;
}

static void
release(struct response_span *s, struct response_plan *p)
{
	response_span_release(s);
	response_plan_release(p);
}

/* What is there: as context its first day; months from the next one on. All
 * hours, no quarters. */
static bool
is_there(const void *ctx, enum response_level level, int64_t begin)
{
	const int64_t *first = ctx;

	if (level == RESPONSE_QUARTERS || level == RESPONSE_HOURS)
		return level == RESPONSE_HOURS;
	return begin >= (level == RESPONSE_DAYS ? *first : *first + DAY_MS);
}

/* Quarters of the hours from one on. */
static bool
has_quarters(const void *ctx, enum response_level level, int64_t begin)
{
	const int64_t *first = ctx;

	return level == RESPONSE_HOURS ||
	       (level == RESPONSE_QUARTERS && begin >= *first);
}

static void
assert_piece(const struct response_pieces *pieces, size_t i, const char *from,
    const char *to)
{
	assert_true(i < pieces->n);
	assert_int_equal(pieces->list[i].from, time_of(from));
	assert_int_equal(pieces->list[i].to, time_of(to));
}

static void
release_pieces(struct response_pieces *pieces)
{
	enum response_level level;

	for (level = 0; level < RESPONSE_LEVELS; level++) {
		free(pieces[level].list);
		pieces[level] = (struct response_pieces){ .n = 0 };
	}
}

static int64_t
slot_of_hour(const struct response_plan *p, const char *begin)
{
	return response_plan_slot(p, time_of(begin), RESPONSE_HOURS);
}

static void
whole_hours_need_no_intervals(void **state)
{
	struct response_pieces pieces[RESPONSE_LEVELS] = { { .n = 0 } };
	int64_t first = INT64_MAX - DAY_MS;
	struct response_span s;
	struct response_plan p;

	(void)state;
	plan(&s, &p, "Europe/Lisbon", BY_DAY, "2024-10-26T23:00:00Z",
	    "2024-10-29T00:00:00Z");
	assert_int_equal(s.n, 2);
	assert_int_equal(p.stretches_n, 3);
	assert_int_equal(p.stretches[0].begin, time_of("2024-10-26T23:00:00Z"));
	assert_int_equal(p.stretches[0].slot, 0);
	assert_int_equal(p.stretches[1].begin, time_of("2024-10-28T00:00:00Z"));
	assert_int_equal(p.stretches[1].slot, 1);
	assert_int_equal(p.stretches[2].slot, -1);
	response_plan_cut_hours(&p, &pieces[RESPONSE_HOURS]);
	assert_int_equal(pieces[RESPONSE_HOURS].n, 0);
	response_plan_cut(&p, is_there, &first, true, pieces);
	assert_int_equal(pieces[RESPONSE_HOURS].n, 1);
	assert_int_equal(pieces[RESPONSE_QUARTERS].n, 0);
	assert_int_equal(pieces[RESPONSE_INTERVALS].n, 0);
	release(&s, &p);
	release_pieces(pieces);
}

/* Two days of Kolkata, cut at :10 where they begin. */
static void
cut_hours_come_from_quarters_or_intervals(void **state)
{
	struct response_pieces pieces[RESPONSE_LEVELS] = { { .n = 0 } };
	int64_t first = time_of("2024-10-27T00:00:00Z");
	struct response_pieces *in = &pieces[RESPONSE_INTERVALS];
	struct response_span s;
	struct response_plan p;

	(void)state;
	plan(&s, &p, "Asia/Kolkata", BY_DAY, "2024-10-26T12:10:00Z",
	    "2024-10-27T20:00:00Z");
	assert_int_equal(s.n, 3);
	response_plan_cut_hours(&p, in);
	assert_int_equal(in->n, 3);
	assert_piece(in, 0, "2024-10-26T12:00:00Z", "2024-10-26T13:00:00Z");
	assert_piece(in, 1, "2024-10-26T18:00:00Z", "2024-10-26T19:00:00Z");
	assert_piece(in, 2, "2024-10-27T18:00:00Z", "2024-10-27T19:00:00Z");
	release_pieces(pieces);
	response_plan_cut(&p, has_quarters, &first, true, pieces);
	assert_int_equal(in->n, 2);
	assert_piece(in, 0, "2024-10-26T12:10:00Z", "2024-10-26T13:00:00Z");
	assert_piece(in, 1, "2024-10-26T18:00:00Z", "2024-10-26T19:00:00Z");
	assert_int_equal(pieces[RESPONSE_QUARTERS].n, 1);
	assert_piece(&pieces[RESPONSE_QUARTERS], 0, "2024-10-27T18:00:00Z",
	    "2024-10-27T19:00:00Z");
	assert_int_equal(response_plan_slot(&p, time_of("2024-10-27T18:15:00Z"),
			     RESPONSE_QUARTERS),
	    1);
	assert_int_equal(response_plan_slot(&p, time_of("2024-10-27T18:30:00Z"),
			     RESPONSE_QUARTERS),
	    2);
	/* Rows of cut hours are read, too: for their version only. */
	assert_int_equal(pieces[RESPONSE_HOURS].n, 1);
	assert_piece(&pieces[RESPONSE_HOURS], 0, "2024-10-26T12:00:00Z",
	    "2024-10-27T20:00:00Z");
	assert_int_equal(slot_of_hour(&p, "2024-10-26T12:00:00Z"), -1);
	assert_int_equal(slot_of_hour(&p, "2024-10-26T17:00:00Z"), 0);
	assert_int_equal(slot_of_hour(&p, "2024-10-26T18:00:00Z"), -1);
	assert_int_equal(slot_of_hour(&p, "2024-10-26T19:00:00Z"), 1);
	release(&s, &p);
	release_pieces(pieces);
	/* What is cut of a quarter: its row is read, too, for how many. */
	plan(&s, &p, "Asia/Kolkata", BY_DAY, "2024-10-27T12:10:00Z",
	    "2024-10-27T18:37:00Z");
	response_plan_cut(&p, has_quarters, &first, true, pieces);
	assert_int_equal(in->n, 2);
	assert_piece(in, 0, "2024-10-27T12:10:00Z", "2024-10-27T12:15:00Z");
	assert_piece(in, 1, "2024-10-27T18:30:00Z", "2024-10-27T18:37:00Z");
	assert_int_equal(pieces[RESPONSE_QUARTERS].n, 2);
	assert_piece(&pieces[RESPONSE_QUARTERS], 0, "2024-10-27T12:00:00Z",
	    "2024-10-27T13:00:00Z");
	assert_piece(&pieces[RESPONSE_QUARTERS], 1, "2024-10-27T18:00:00Z",
	    "2024-10-27T18:45:00Z");
	assert_int_equal(response_plan_slot(&p, time_of("2024-10-27T12:00:00Z"),
			     RESPONSE_QUARTERS),
	    -1);
	release(&s, &p);
	release_pieces(pieces);
	/* Every one, and all in one range. */
	first = INT64_MAX;
	plan(&s, &p, "Asia/Kolkata", BY_HOUR, "2024-10-26T12:10:00Z",
	    "2024-10-27T20:00:00Z");
	response_plan_cut(&p, has_quarters, &first, true, pieces);
	assert_int_equal(in->n, 1);
	assert_piece(in, 0, "2024-10-26T12:10:00Z", "2024-10-27T20:00:00Z");
	release(&s, &p);
	release_pieces(pieces);
}

static void
long_spans_are_read_where_they_are(void **state)
{
	struct response_pieces pieces[RESPONSE_LEVELS] = { { .n = 0 } };
	int64_t first = time_of("2024-09-10T00:00:00Z");
	struct response_span s;
	struct response_plan p;

	(void)state;
	plan(&s, &p, "Europe/Lisbon", BY_TOTAL, "2024-09-08T23:00:00Z",
	    "2024-12-02T01:30:00Z");
	response_plan_cut(&p, is_there, &first, true, pieces);
	/* September's row is not there, nor are its first days. */
	assert_int_equal(pieces[RESPONSE_MONTHS].n, 1);
	assert_piece(&pieces[RESPONSE_MONTHS], 0, "2024-10-01T00:00:00Z",
	    "2024-12-01T00:00:00Z");
	assert_int_equal(pieces[RESPONSE_DAYS].n, 2);
	assert_piece(&pieces[RESPONSE_DAYS], 0, "2024-09-10T00:00:00Z",
	    "2024-10-01T00:00:00Z");
	assert_piece(&pieces[RESPONSE_DAYS], 1, "2024-12-01T00:00:00Z",
	    "2024-12-02T00:00:00Z");
	assert_int_equal(pieces[RESPONSE_HOURS].n, 2);
	assert_piece(&pieces[RESPONSE_HOURS], 0, "2024-09-08T23:00:00Z",
	    "2024-09-10T00:00:00Z");
	/* The last hour is cut: only its version is read. */
	assert_piece(&pieces[RESPONSE_HOURS], 1, "2024-12-02T00:00:00Z",
	    "2024-12-02T02:00:00Z");
	assert_int_equal(slot_of_hour(&p, "2024-12-02T00:00:00Z"), 0);
	assert_int_equal(slot_of_hour(&p, "2024-12-02T01:00:00Z"), -1);
	release(&s, &p);
	release_pieces(pieces);
}

/* No day of UTC is in one of these. */
static void
days_of_other_zones_are_hours(void **state)
{
	struct response_pieces pieces[RESPONSE_LEVELS] = { { .n = 0 } };
	int64_t first = 0;
	struct response_span s;
	struct response_plan p;

	(void)state;
	plan(&s, &p, "America/New_York", BY_DAY, "2024-11-01T04:00:00Z",
	    "2024-11-05T05:00:00Z");
	response_plan_cut(&p, is_there, &first, true, pieces);
	assert_int_equal(s.n, 4);
	assert_int_equal(pieces[RESPONSE_DAYS].n, 0);
	assert_piece(&pieces[RESPONSE_HOURS], 0, "2024-11-01T04:00:00Z",
	    "2024-11-05T05:00:00Z");
	assert_int_equal(slot_of_hour(&p, "2024-11-04T04:00:00Z"), 2);
	assert_int_equal(slot_of_hour(&p, "2024-11-04T05:00:00Z"), 3);
	release(&s, &p);
	release_pieces(pieces);
}

static bool
is_all_there(const void *ctx, enum response_level level, int64_t begin)
{
	(void)ctx;
	(void)begin;
	return level != RESPONSE_QUARTERS;
}

static void
assert_stretches(const struct response_plan *p, const char *const *begins,
    const int64_t *slots, size_t n)
{
	size_t i;

	assert_int_equal(p->stretches_n, n);
	for (i = 0; i < n; i++) {
		assert_int_equal(p->stretches[i].begin, time_of(begins[i]));
		assert_int_equal(p->stretches[i].slot, slots[i]);
	}
}

/* October in Kolkata lacks the last evening of UTC's, and has one before. */
static void
months_are_lent_to_those_who_have_most_of_them(void **state)
{
	static const int64_t slots[] = { 0, -1, 1, -1 }, taken[] = { 0, -1 };
	static const char *const rest[] = { "2024-09-30T18:30:00Z",
		"2024-10-01T00:00:00Z", "2024-10-31T18:30:00Z",
		"2024-11-10T18:30:00Z" };
	static const char *const excess[] = { "2024-10-31T18:30:00Z",
		"2024-11-01T00:00:00Z" };
	int64_t october = time_of("2024-10-01T00:00:00Z");
	struct response_rounded l;
	struct response_span s;
	struct response_plan p;

	(void)state;
	plan(&s, &p, "Asia/Kolkata", BY_MONTH, "2024-09-30T18:30:00Z",
	    "2024-11-10T18:30:00Z");
	response_plan_round(&p, is_all_there, NULL, &l);
	assert_int_equal(response_whole_slot(&l, october, RESPONSE_MONTHS), 0);
	assert_int_equal(response_whole_slot(&l, october, RESPONSE_DAYS), -1);
	assert_int_equal(l.wholes[RESPONSE_MONTHS].n, 1);
	assert_int_equal(l.wholes[RESPONSE_DAYS].n, 0);
	assert_stretches(&l.rest, rest, slots, ARRAY_LEN(rest));
	assert_stretches(&l.excess, excess, taken, ARRAY_LEN(excess));
	response_rounded_release(&l);
	release(&s, &p);
}

/* A day of Lisbon in summer: most of one, and an hour of the one before. */
static void
days_are_lent_without_an_hour(void **state)
{
	static const int64_t slots[] = { 0, -1 };
	static const char *const rest[] = { "2024-07-01T23:00:00Z",
		"2024-07-02T00:00:00Z" };
	static const char *const excess[] = { "2024-07-02T23:00:00Z",
		"2024-07-03T00:00:00Z" };
	struct response_rounded l;
	struct response_span s;
	struct response_plan p;

	(void)state;
	plan(&s, &p, "Europe/Lisbon", BY_DAY, "2024-07-01T23:00:00Z",
	    "2024-07-02T23:00:00Z");
	response_plan_round(&p, is_all_there, NULL, &l);
	assert_int_equal(response_whole_slot(&l,
			     time_of("2024-07-02T00:00:00Z"), RESPONSE_DAYS),
	    0);
	assert_stretches(&l.rest, rest, slots, ARRAY_LEN(rest));
	assert_stretches(&l.excess, excess, slots, ARRAY_LEN(excess));
	response_rounded_release(&l);
	release(&s, &p);
	/* New York has too little of it; all is left. */
	plan(&s, &p, "America/New_York", BY_DAY, "2024-07-02T04:00:00Z",
	    "2024-07-03T04:00:00Z");
	response_plan_round(&p, is_all_there, NULL, &l);
	assert_int_equal(l.wholes[RESPONSE_DAYS].n, 0);
	assert_int_equal(l.rest.stretches_n, 2);
	assert_int_equal(l.excess.stretches_n, 0);
	response_rounded_release(&l);
	release(&s, &p);
}

/* The span before in Lisbon begins at these times, the last is its end. now:
 * NULL: behind the span. */
static void
assert_before(enum response_by by, const char *from, const char *to,
    const char *now, const char *const *begins, size_t n)
{
	struct response_span s, b;
	struct response_plan p;
	struct zone *z = zone_open("Europe/Lisbon", NULL);
	size_t i;

	assert_non_null(z);
	plan(&s, &p, "Europe/Lisbon", by, from, to);
	s.zone = z;
	b = response_span_before(&s, by, now != NULL ? time_of(now) : s.to);
	assert_int_equal(b.n + 1, n);
	assert_int_equal(b.n, s.n);
	for (i = 0; i < n; i++)
		assert_int_equal(b.begins[i], time_of(begins[i]));
	assert_int_equal(b.from, b.begins[0]);
	assert_int_equal(b.to, b.begins[b.n]);
	response_span_release(&b);
	release(&s, &p);
	zone_close(z);
}

#define ASSERT_BEFORE(by, from, to, ...)                                       \
	do {                                                                   \
		static const char *const begins[] = { __VA_ARGS__ };           \
                                                                               \
		assert_before(by, from, to, NULL, begins, ARRAY_LEN(begins));  \
	} while (0)

#define ASSERT_BEFORE_AT(now, by, from, to, ...)                               \
	do {                                                                   \
		static const char *const begins[] = { __VA_ARGS__ };           \
                                                                               \
		assert_before(by, from, to, now, begins, ARRAY_LEN(begins));   \
	} while (0)

static void
the_span_before_is_as_long_by_the_calendar(void **state)
{
	(void)state;
	/* October, with 31 days and an hour; September has 30. */
	ASSERT_BEFORE(BY_MONTH, "2024-09-30T23:00:00Z", "2024-11-01T00:00:00Z",
	    "2024-08-31T23:00:00Z", "2024-09-30T23:00:00Z");
	ASSERT_BEFORE(BY_TOTAL, "2024-09-30T23:00:00Z", "2024-11-01T00:00:00Z",
	    "2024-08-31T23:00:00Z", "2024-09-30T23:00:00Z");
	/* Two days, not of whole months. */
	ASSERT_BEFORE(BY_TOTAL, "2024-10-01T23:00:00Z", "2024-10-03T23:00:00Z",
	    "2024-09-29T23:00:00Z", "2024-10-01T23:00:00Z");
	ASSERT_BEFORE(BY_TOTAL, "2024-10-01T23:10:00Z", "2024-10-01T23:31:00Z",
	    "2024-10-01T22:49:00Z", "2024-10-01T23:10:00Z");
}

static void
periods_of_the_span_before_are_like_those_after(void **state)
{
	(void)state;
	/* A week and a day, from a Monday on. */
	ASSERT_BEFORE(BY_WEEK, "2026-11-02T00:00:00Z", "2026-11-10T00:00:00Z",
	    "2026-10-18T23:00:00Z", "2026-10-26T00:00:00Z",
	    "2026-10-27T00:00:00Z");
	/* October and the first half of November. */
	ASSERT_BEFORE(BY_MONTH, "2026-09-30T23:00:00Z", "2026-11-16T00:00:00Z",
	    "2026-07-31T23:00:00Z", "2026-08-31T23:00:00Z",
	    "2026-09-15T23:00:00Z");
	/* September has no day 31. */
	ASSERT_BEFORE(BY_MONTH, "2026-10-31T00:00:00Z", "2026-11-02T12:00:00Z",
	    "2026-09-30T23:00:00Z", "2026-09-30T23:00:00Z",
	    "2026-10-02T11:00:00Z");
	/* Half an hour of the first, of the last less. */
	ASSERT_BEFORE(BY_HOUR, "2026-11-02T10:30:00Z", "2026-11-02T12:15:00Z",
	    "2026-11-02T08:30:00Z", "2026-11-02T09:00:00Z",
	    "2026-11-02T10:00:00Z", "2026-11-02T10:15:00Z");
	/* From 10:30 on to the end of the next day. */
	ASSERT_BEFORE(BY_DAY, "2026-11-02T10:30:00Z", "2026-11-04T00:00:00Z",
	    "2026-10-31T10:30:00Z", "2026-11-01T00:00:00Z",
	    "2026-11-02T00:00:00Z");
	ASSERT_BEFORE(BY_DAY, "2024-10-27T08:00:00Z", "2024-10-28T09:00:00Z",
	    "2024-10-25T07:00:00Z", "2024-10-25T23:00:00Z",
	    "2024-10-26T08:00:00Z");
}

static void
a_running_span_is_compared_until_the_same_time(void **state)
{
	(void)state;
	/* Today at 12:30:59. */
	ASSERT_BEFORE_AT("2026-11-20T12:30:59Z", BY_TOTAL,
	    "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z",
	    "2026-11-19T00:00:00Z", "2026-11-19T12:30:00Z");
	/* Nothing of a span that has just begun; all of one that is over, or
	 * has not begun. */
	ASSERT_BEFORE_AT("2026-11-20T00:00:59Z", BY_TOTAL,
	    "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z",
	    "2026-11-19T00:00:00Z", "2026-11-19T00:00:00Z");
	ASSERT_BEFORE_AT("2026-11-21T00:00:00Z", BY_TOTAL,
	    "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z",
	    "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z");
	ASSERT_BEFORE_AT("2026-11-19T12:30:00Z", BY_TOTAL,
	    "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z",
	    "2026-11-19T00:00:00Z", "2026-11-20T00:00:00Z");
	/* The last of three days is cut, and hours to come are empty. */
	ASSERT_BEFORE_AT("2026-11-20T12:30:00Z", BY_DAY, "2026-11-18T00:00:00Z",
	    "2026-11-21T00:00:00Z", "2026-11-15T00:00:00Z",
	    "2026-11-16T00:00:00Z", "2026-11-17T00:00:00Z",
	    "2026-11-17T12:30:00Z");
	ASSERT_BEFORE_AT("2026-11-20T01:30:00Z", BY_HOUR,
	    "2026-11-20T00:00:00Z", "2026-11-20T03:00:00Z",
	    "2026-11-19T21:00:00Z", "2026-11-19T22:00:00Z",
	    "2026-11-19T22:30:00Z", "2026-11-19T22:30:00Z");
	/* By the clock: summer time ended on 25 October. */
	ASSERT_BEFORE_AT("2026-10-25T12:30:00Z", BY_TOTAL,
	    "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z",
	    "2026-10-23T23:00:00Z", "2026-10-24T11:30:00Z");
	/* A month: until the same day. */
	ASSERT_BEFORE_AT("2026-11-28T12:30:00Z", BY_TOTAL,
	    "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z",
	    "2026-09-30T23:00:00Z", "2026-10-28T12:30:00Z");
}

/* On the 27th the hour from 01:00 on comes twice in Lisbon, and only the second
 * time is beside that of the day before; on 31 March it does not come. */
static void
hours_are_beside_those_of_the_same_clock(void **state)
{
	struct response_span s, b;
	struct response_plan p;
	struct zone *z = zone_open("Europe/Lisbon", NULL);

	(void)state;
	plan(&s, &p, "Europe/Lisbon", BY_QUARTER, "2024-10-26T23:00:00Z",
	    "2024-10-28T00:00:00Z");
	s.zone = z;
	b = response_span_before(&s, BY_QUARTER, s.to);
	assert_int_equal(b.n, 100);
	assert_int_equal(b.begins[3], time_of("2024-10-25T23:45:00Z"));
	assert_int_equal(b.begins[4], time_of("2024-10-26T00:00:00Z"));
	assert_int_equal(b.begins[7], time_of("2024-10-26T00:00:00Z"));
	assert_int_equal(b.begins[8], time_of("2024-10-26T00:00:00Z"));
	assert_int_equal(b.begins[9], time_of("2024-10-26T00:15:00Z"));
	assert_int_equal(b.to, time_of("2024-10-26T23:00:00Z"));
	response_span_release(&b);
	release(&s, &p);
	plan(&s, &p, "Europe/Lisbon", BY_HOUR, "2024-03-31T23:00:00Z",
	    "2024-04-01T23:00:00Z");
	s.zone = z;
	b = response_span_before(&s, BY_HOUR, s.to);
	assert_int_equal(b.n, 24);
	assert_int_equal(b.begins[1], time_of("2024-03-31T01:00:00Z"));
	assert_int_equal(b.begins[2], time_of("2024-03-31T01:00:00Z"));
	assert_int_equal(b.begins[3], time_of("2024-03-31T02:00:00Z"));
	response_span_release(&b);
	release(&s, &p);
	zone_close(z);
}

/* Of these lengths; buckets are in order because they are. */
static struct span_sum
sum_of(const int64_t *ms, size_t n, struct span_bucket *buckets)
{
	struct span_sum s = { .n = (int64_t)n, .buckets = buckets };
	size_t i;

	for (i = 0; i < n; i++) {
		s.sum_ms += ms[i];
		s.max_ms = ms[i];
		buckets[i] =
		    (struct span_bucket){ .bucket = duration_bucket(ms[i]),
			    .n = 1 };
		s.buckets_n++;
	}
	return s;
}

static void
quantiles(void **state)
{
	static const int64_t few[] = { 1, 2, 4, 9 };
	static const int64_t ten[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 98400 };
	struct span_bucket buckets[10];
	struct span_sum none = { .n = 0 }, most, s;

	(void)state;
	assert_int_equal(response_mean(&none), CLOCK_NONE);
	assert_int_equal(response_median(&none), CLOCK_NONE);
	assert_int_equal(response_percentile(&none, 900), CLOCK_NONE);
	most = (struct span_sum){ .n = INT64_MAX, .sum_ms = INT64_MAX };
	assert_int_equal(response_mean(&most), 1);
	s = sum_of(few, 1, buckets);
	assert_int_equal(response_median(&s), 1);
	assert_int_equal(response_percentile(&s, 1), 1);
	s = sum_of(few, 4, buckets);
	assert_int_equal(response_mean(&s), 4);
	assert_int_equal(response_median(&s), 3);
	assert_int_equal(response_percentile(&s, 900), 9);
	s = sum_of(ten, 10, buckets);
	assert_int_equal(response_median(&s), 6); /* 5.5 */
	assert_int_equal(response_percentile(&s, 900), 9);
	/* The middle of its bucket is 99327. */
	assert_int_equal(response_percentile(&s, 990), 98400);
}

/* What rows may say of themselves; sums end at the greatest number. */
static void
quantiles_of_the_greatest_numbers(void **state)
{
	struct span_bucket buckets[] = { { 64, INT64_MAX - 9 },
		{ duration_bucket(INT64_MAX), INT64_MAX } };
	struct span_sum s = { .n = INT64_MAX,
		.max_ms = INT64_MAX,
		.buckets = buckets,
		.buckets_n = 1 };

	(void)state;
	assert_true(response_median(&s) == 65); /* 64 and 65 are a bucket */
	assert_true(response_percentile(&s, 990) == 65);
	s.buckets_n = 2;
	assert_true(response_percentile(&s, 1000) ==
		    INT64_MAX - (INT64_C(1) << 56) + 1);
	s.buckets = &buckets[1];
	s.buckets_n = 1;
	assert_true(response_median(&s) == INT64_MAX - (INT64_C(1) << 56) + 1);
	assert_true(response_percentile(&s, 999) == response_median(&s));
	s.max_ms = INT64_MAX - (INT64_C(1) << 57);
	assert_true(response_median(&s) == s.max_ms);
}

static void
shares(void **state)
{
	static const int64_t ms[] = { 10, 20, 128, 130, 4000 };
	struct span_bucket buckets[5];
	struct span_sum s = sum_of(ms, 5, buckets);
	bool exact;

	(void)state;
	assert_true(response_share_within(&s, 9, &exact) * 5 == 0.0);
	assert_true(exact);
	assert_true(response_share_within(&s, 20, &exact) * 5 == 2.0);
	assert_true(exact);
	/* 128 to 131 are a bucket. */
	assert_true(response_share_within(&s, 129, &exact) * 5 == 3.0);
	assert_false(exact);
	assert_true(response_share_within(&s, 131, &exact) * 5 == 4.0);
	assert_true(exact);
	assert_true(response_share_within(&s, 3000, &exact) * 5 == 4.0);
	assert_true(exact);
	assert_true(response_share_within(&s, 5000, &exact) == 1.0);
	assert_true(exact);
}

static void
spans_begin_where_their_length_does(void **state)
{
	static const char *const begins[] = {
		[RESPONSE_MONTHS] = "2026-10-01T00:00:00Z",
		[RESPONSE_DAYS] = "2026-10-25T00:00:00Z",
		[RESPONSE_HOURS] = "2026-10-25T23:00:00Z",
		[RESPONSE_QUARTERS] = "2026-10-25T23:45:00Z",
	};
	int64_t ms = time_of("2026-10-25T23:50:00Z");
	enum response_level level;

	(void)state;
	for (level = 0; level < RESPONSE_INTERVALS; level++)
		assert_int_equal(
		    response_span_begin(ms, level), time_of(begins[level]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_begin_where_their_length_does),
		cmocka_unit_test(whole_hours_need_no_intervals),
		cmocka_unit_test(cut_hours_come_from_quarters_or_intervals),
		cmocka_unit_test(long_spans_are_read_where_they_are),
		cmocka_unit_test(days_of_other_zones_are_hours),
		cmocka_unit_test(
		    months_are_lent_to_those_who_have_most_of_them),
		cmocka_unit_test(days_are_lent_without_an_hour),
		cmocka_unit_test(the_span_before_is_as_long_by_the_calendar),
		cmocka_unit_test(
		    periods_of_the_span_before_are_like_those_after),
		cmocka_unit_test(
		    a_running_span_is_compared_until_the_same_time),
		cmocka_unit_test(hours_are_beside_those_of_the_same_clock),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(quantiles_of_the_greatest_numbers),
		cmocka_unit_test(shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
