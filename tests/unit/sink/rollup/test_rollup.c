/*
 * Tests of sink/rollup/span_sums, span_text and of months: what is written is
 * read again, sums add up, and damaged text is found.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"
#include "sink/rollup/rollup.h"
#include "sink/rollup/span_text.h"

static void
assert_text(const struct span_sums *s, const char *want)
{
	struct buf to = BUF_INIT;

	span_sums_write(s, &to);
	assert_string_equal(buf_str(&to), want);
	buf_release(&to);
}

/* Runs of neighbours; four empty buckets between are not worth a new one. */
static const char filled[] = "first_response 1 5 5 9 5:b;"
			     "reply 34 61000 40000 17 3:baac 481:Bc 487:b "
			     "1882:baaaab;";

static void
texts_are_read_as_written(void **state)
{
	struct span_sums s = { .kind = { { .n = 0 } } };

	(void)state;
	assert_text(&s, "");
	span_sum_add(&s.kind[SPAN_FIRST_RESPONSE], 1, 5, 5, 9);
	span_sum_add_bucket(&s.kind[SPAN_FIRST_RESPONSE], 5, 1);
	span_sum_add(&s.kind[SPAN_REPLY], 34, 61000, 40000, 17);
	span_sum_add_bucket(&s.kind[SPAN_REPLY], 1882, 1);
	span_sum_add_bucket(&s.kind[SPAN_REPLY], 487, 1);
	span_sum_add_bucket(&s.kind[SPAN_REPLY], 1887, 1);
	span_sum_add_bucket(&s.kind[SPAN_REPLY], 3, 1);
	span_sum_add_bucket(&s.kind[SPAN_REPLY], 481, 1);
	span_sum_add_bucket(&s.kind[SPAN_REPLY], 6, 2);
	span_sum_add_bucket(&s.kind[SPAN_REPLY], 481, 27);
	span_sum_add_bucket(&s.kind[SPAN_REPLY], 482, 0);
	assert_text(&s, filled);
	span_sums_release(&s);
	assert_int_equal(span_sums_read(filled, &s), 0);
	assert_text(&s, filled);
	span_sums_release(&s);
}

static void
sums_add_up(void **state)
{
	struct span_sums s = { .kind = { { .n = 0 } } };

	(void)state;
	assert_int_equal(span_sums_read(filled, &s), 0);
	assert_int_equal(
	    span_sums_read(
		"reply 2 10 50000 3 2:b 6:b;unanswered 0 0 0 4;", &s),
	    0);
	assert_text(&s, "first_response 1 5 5 9 5:b;"
			"reply 36 61010 50000 17 2:bbaad 481:Bc 487:b "
			"1882:baaaab;"
			"unanswered 0 0 0 4;");
	span_sums_release(&s);
}

/* Gathers a sum by its text. */
static void
gather(struct span_sum *to, const struct span_sum *from, bool off, size_t *room)
{
	struct span_sums s = { .kind = { [SPAN_REPLY] = *from } };
	struct buf text = BUF_INIT;
	struct span_text t = { .rest = NULL };

	span_sums_write(&s, &text);
	t.rest = buf_str(&text);
	assert_int_equal(span_text_next(&t), 1);
	assert_int_equal(t.kind, SPAN_REPLY);
	assert_int_equal(span_text_gather(&t, off, to, room), 0);
	assert_int_equal(span_text_next(&t), 0);
	buf_release(&text);
}

/* A row may hold the greatest number, as its version in nanoseconds nearly
 * does; sums end there. */
static void
sums_end_at_the_greatest_number(void **state)
{
	static const char greatest[] =
	    "reply 9223372036854775807 9223372036854775807 9223372036854775807 "
	    "9223372036854775807 5:DSQYOMTLWMKGIh;";
	struct span_sums s = { .kind = { { .n = 0 } } };
	struct span_sum gathered = { .n = 0 };
	size_t i, room = 1;

	(void)state;
	for (i = 0; i < 2; i++) {
		assert_int_equal(span_sums_read(greatest, &s), 0);
		assert_text(&s, greatest);
		span_sum_add_bucket(&s.kind[SPAN_REPLY], 5, 1);
	}
	for (i = 0; i < 20; i++)
		gather(&gathered, &s.kind[SPAN_REPLY], false, &room);
	span_sum_compact(&gathered);
	assert_true(gathered.sum_ms == INT64_MAX);
	assert_true(gathered.buckets[0].n == INT64_MAX);
	span_sum_release(&gathered);
	span_sums_release(&s);
}

/* Two responses, one of them in a bucket of its own. */
static void
gather_two(struct span_sum *to, uint32_t bucket, bool off, size_t *room)
{
	struct span_sum two = { .n = 0 };

	span_sum_add(&two, 2, 30, 20, 1);
	span_sum_add_bucket(&two, 10, 1);
	span_sum_add_bucket(&two, bucket, 1);
	gather(to, &two, off, room);
	span_sum_release(&two);
}

/* What is taken off leaves no empty buckets. */
static void
sums_are_taken_off(void **state)
{
	struct span_sum to = { .n = 0 };
	size_t with_table, room;
	uint32_t i;

	(void)state;
	for (with_table = 0; with_table < 2; with_table++) {
		room = with_table;
		for (i = 0; i < 20; i++)
			gather_two(&to, 20 + i, false, &room);
		for (i = 1; i < 20; i++)
			gather_two(&to, 20 + i, true, &room);
		span_sum_compact(&to);
		assert_int_equal(to.n, 2);
		assert_int_equal(to.sum_ms, 30);
		assert_int_equal(to.buckets_n, 2);
		assert_int_equal(to.buckets[0].bucket, 10);
		assert_int_equal(to.buckets[0].n, 1);
		assert_int_equal(to.buckets[1].bucket, 20);
		span_sum_release(&to);
	}
}

/* Whether a text can be gathered into a table. */
static bool
gathers(const char *text)
{
	struct span_sum to = { .n = 0 };
	struct span_text t = { .rest = text };
	size_t room = 1;
	int rc;

	gather_two(&to, 500, false, &room);
	gather_two(&to, 5, false, &room);
	while ((rc = span_text_next(&t)) == 1 &&
	       span_text_gather(&t, false, &to, &room) == 0)
		continue;
	span_sum_release(&to);
	return rc == 0;
}

static void
damaged_texts_are_found(void **state)
{
	static const char *const texts[] = { "x", "reply", "reply 1",
		"reply 1 2 3 4", "reply 1 2 3 4 5;", "reply 1 2 3 4 5:;",
		"reply 1 2 3 4 5:b", "reply 1 2 3 4 5:b 4:b;",
		"reply -1 2 3 4 5:b;", "reply 1 2 3 4 5:bB;",
		"reply 1 2 3 4 5:B 6:b;", "reply 1 2 3 4 5:1;",
		"reply 1 2 3 4 5:b{;", "reply 1 2 3 4 5:b[;",
		"reply 1 2 3 4 5:bb@;", "replies 1 2 3 4;",
		/* One more than the greatest number, and a digit more. */
		"reply 1 2 3 4 5:DSQYOMTLWMKGIi;",
		"reply 1 2 3 4 5:DSQYOMTLWMKGIHa;",
		"reply 1 9223372036854775808 3 4 5:b;",
		"reply 1 2 3 00000000000000000004 5:b;",
		"reply 1 2 3 4 9223372036854775807:bb;", "waiting 1 2 3 4;",
		"reply 1 2 3 4;;",
		/* Buckets of no number that a bucket can have. */
		"reply 1 2 3 4 1888:b;", "reply 1 2 3 4 1887:bb;",
		"reply 1 2 3 4 4294967296:b;",
		"reply 1 2 3 4 5:b 4294967295:aaaaaaab;" };
	struct span_sums s = { .kind = { { .n = 0 } } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(span_sums_read(texts[i], &s), -1);
		span_sums_release(&s);
		assert_false(gathers(texts[i]));
	}
}

static void
assert_month(const char *at, const char *from, const char *to)
{
	int64_t ms, first, next;

	assert_int_equal(clock_parse(at, strlen(at), &ms), 0);
	assert_int_equal(clock_parse(from, strlen(from), &first), 0);
	assert_int_equal(clock_parse(to, strlen(to), &next), 0);
	assert_int_equal(rollup_month(ms), first);
	assert_int_equal(rollup_next_month(ms), next);
}

static void
months_are_those_of_utc(void **state)
{
	(void)state;
	assert_month("2024-02-29T23:59:59.999Z", "2024-02-01T00:00:00Z",
	    "2024-03-01T00:00:00Z");
	assert_month("2024-12-01T00:00:00Z", "2024-12-01T00:00:00Z",
	    "2025-01-01T00:00:00Z");
}

/* A damaged kind leaves nothing behind, also where nothing was before. */
static void
damage_adds_nothing(void **state)
{
	struct span_sums s = { .kind = { { .n = 0 } } };

	(void)state;
	assert_int_equal(span_sums_read("reply 3 30 20 7 5:bX;", &s), -1);
	assert_int_equal(s.kind[SPAN_REPLY].n, 0);
	assert_int_equal(s.kind[SPAN_REPLY].version, 0);
	assert_int_equal(s.kind[SPAN_REPLY].buckets_n, 0);
	span_sums_release(&s);
}

/* As busy an hour as there can be: runs of neighbours, also at both ends, with
 * counts of one letter and more. */
static void
fill_hour(struct span_sum *to, unsigned *dice)
{
	static const int64_t counts[] = { 1, 3, 25, 25, 26, 700, 20000 };
	uint32_t bucket = 0, run;

	span_sum_clear(to);
	while (bucket < DURATION_BUCKETS) {
		bucket += (unsigned)rand_r(dice) % 300;
		for (run = (unsigned)rand_r(dice) % 60;
		     run > 0 && bucket < DURATION_BUCKETS; run--)
			span_sum_add_bucket(to, bucket++,
			    counts[(unsigned)rand_r(dice) % ARRAY_LEN(counts)]);
	}
	span_sum_add(to, 3, (int64_t)bucket, rand_r(dice) % 900, 8);
}

static void
assert_same(const struct span_sum *a, const struct span_sum *b)
{
	size_t i;

	assert_int_equal(a->n, b->n);
	assert_int_equal(a->sum_ms, b->sum_ms);
	assert_int_equal(a->buckets_n, b->buckets_n);
	for (i = 0; i < a->buckets_n; i++) {
		assert_int_equal(a->buckets[i].bucket, b->buckets[i].bucket);
		assert_int_equal(a->buckets[i].n, b->buckets[i].n);
	}
}

/* Gathered is what merging one after the other gives, however many they are,
 * with a table and without. */
static void
gathering_is_merging(void **state)
{
	struct span_sum merged, gathered, one = { .n = 0 };
	unsigned dice = 7;
	size_t room, i;

	(void)state;
	for (room = 0; room < 2; room++) {
		size_t left = room;

		merged = gathered = (struct span_sum){ .n = 0 };
		for (i = 0; i < 200; i++) {
			bool off = i % 3 == 2;

			if (!off) /* else the same once more */
				fill_hour(&one, &dice);
			gather(&gathered, &one, off, &left);
			if (off)
				span_sum_negate(&one);
			span_sum_merge(&merged, &one);
			if (i % 50 != 49)
				continue;
			span_sum_compact(&gathered);
			span_sum_compact(&merged);
			assert_same(&merged, &gathered);
		}
		span_sum_release(&merged);
		span_sum_release(&gathered);
	}
	span_sum_release(&one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gathering_is_merging),
		cmocka_unit_test(damage_adds_nothing),
		cmocka_unit_test(texts_are_read_as_written),
		cmocka_unit_test(sums_add_up),
		cmocka_unit_test(sums_end_at_the_greatest_number),
		cmocka_unit_test(sums_are_taken_off),
		cmocka_unit_test(damaged_texts_are_found),
		cmocka_unit_test(months_are_those_of_utc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
