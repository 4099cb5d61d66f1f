/*
 * Tests of sink/rollup/span_sums and of months: what is written is read again,
 * sums add up, and damaged text is found.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/rollup/rollup.h"
#include "sink/rollup/span_sums.h"

static void
all_kinds(struct span_sums *s, struct span_sum *to[SPAN_KINDS])
{
	size_t i;

	for (i = 0; i < SPAN_KINDS; i++)
		to[i] = &s->kind[i];
}

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
	struct span_sum *kinds[SPAN_KINDS];
	struct span_sums s = { .kind = { { .n = 0 } } };

	(void)state;
	all_kinds(&s, kinds);
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
	assert_int_equal(span_sums_read(filled, kinds), 0);
	assert_text(&s, filled);
	span_sums_release(&s);
	/* Kinds that nobody asked for are passed over. */
	kinds[SPAN_FIRST_RESPONSE] = NULL;
	assert_int_equal(span_sums_read(filled, kinds), 0);
	assert_text(&s, strchr(filled, ';') + 1);
	span_sums_release(&s);
}

static void
sums_add_up(void **state)
{
	struct span_sum *kinds[SPAN_KINDS];
	struct span_sums s = { .kind = { { .n = 0 } } };

	(void)state;
	all_kinds(&s, kinds);
	assert_int_equal(span_sums_read(filled, kinds), 0);
	assert_int_equal(
	    span_sums_read(
		"reply 2 10 50000 3 2:b 6:b;unanswered 0 0 0 4;", kinds),
	    0);
	assert_text(&s, "first_response 1 5 5 9 5:b;"
			"reply 36 61010 50000 17 2:bbaad 481:Bc 487:b "
			"1882:baaaab;"
			"unanswered 0 0 0 4;");
	span_sums_release(&s);
}

/* A row may hold the greatest number, as its version in nanoseconds nearly
 * does; sums end there. */
static void
sums_end_at_the_greatest_number(void **state)
{
	static const char greatest[] =
	    "reply 9223372036854775807 9223372036854775807 9223372036854775807 "
	    "9223372036854775807 5:DSQYOMTLWMKGIh;";
	struct span_sum *kinds[SPAN_KINDS];
	struct span_sums s = { .kind = { { .n = 0 } } };
	struct span_sum gathered = { .n = 0 };
	size_t i, room = 1;

	(void)state;
	all_kinds(&s, kinds);
	for (i = 0; i < 2; i++) {
		assert_int_equal(span_sums_read(greatest, kinds), 0);
		assert_text(&s, greatest);
		span_sum_add_bucket(&s.kind[SPAN_REPLY], 5, 1);
	}
	for (i = 0; i < 20; i++)
		span_sum_gather(&gathered, &s.kind[SPAN_REPLY], &room);
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
	if (off)
		span_sum_negate(&two);
	span_sum_gather(to, &two, room);
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
	struct span_sum *kinds[SPAN_KINDS];
	struct span_sums s = { .kind = { { .n = 0 } } };
	size_t i;

	(void)state;
	all_kinds(&s, kinds);
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(span_sums_read(texts[i], kinds), -1);
		span_sums_release(&s);
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
	struct span_sum *kinds[SPAN_KINDS];
	struct span_sums s = { .kind = { { .n = 0 } } };

	(void)state;
	all_kinds(&s, kinds);
	assert_int_equal(span_sums_read("reply 3 30 20 7 5:bX;", kinds), -1);
	assert_int_equal(s.kind[SPAN_REPLY].n, 0);
	assert_int_equal(s.kind[SPAN_REPLY].version, 0);
	assert_int_equal(s.kind[SPAN_REPLY].buckets_n, 0);
	span_sums_release(&s);
}

/* Gathered is what merging one after the other gives, however many they are. */
static void
gathering_is_merging(void **state)
{
	struct span_sum merged = { .n = 0 }, gathered = { .n = 0 };
	struct span_sum one = { .n = 0 };
	size_t room = 1;
	uint32_t i, k;

	(void)state;
	for (i = 0; i < 200; i++) {
		span_sum_clear(&one);
		span_sum_add(&one, 3, i, i, i);
		for (k = 0; k < 3; k++)
			span_sum_add_bucket(
			    &one, (i * 37 + k * k * 11) % 500, 1);
		span_sum_merge(&merged, &one);
		span_sum_gather(&gathered, &one, &room);
		if (i != 120 && i != 199)
			continue;
		span_sum_compact(&gathered);
		assert_int_equal(gathered.n, merged.n);
		assert_int_equal(gathered.sum_ms, merged.sum_ms);
		assert_int_equal(gathered.buckets_n, merged.buckets_n);
		for (k = 0; k < merged.buckets_n; k++) {
			assert_int_equal(gathered.buckets[k].bucket,
			    merged.buckets[k].bucket);
			assert_int_equal(
			    gathered.buckets[k].n, merged.buckets[k].n);
		}
	}
	span_sum_release(&one);
	span_sum_release(&merged);
	span_sum_release(&gathered);
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
