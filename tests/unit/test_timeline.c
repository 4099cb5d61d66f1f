/*
 * Tests of aggregator/timeline: the order of ids, which version of a message
 * counts, and that the order of arrival never matters.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "aggregator/timeline.h"

/* In the order METRICS asks for; nothing in between is equal. */
static const char *const ordered[] = { "0", "1", "2", "9", "10", "11", "99",
	"9007199254740993", "9007199254740994", "18446744073709551615",
	"18446744073709551616", "100000000000000000000000000000000000000", "-1",
	"00", "01", "1.5", "10a", "1a", "A", "a", "a0", "b", "\xc3\xa9" };

static void
ids_are_ordered_by_value_then_by_bytes(void **state)
{
	size_t i, j;
	int c;

	(void)state;
	for (i = 0; i < ARRAY_LEN(ordered); i++) {
		for (j = 0; j < ARRAY_LEN(ordered); j++) {
			c = id_compare(ordered[i], strlen(ordered[i]),
			    ordered[j], strlen(ordered[j]));
			if ((c > 0) - (c < 0) != (i > j) - (i < j))
				fail_msg("'%s' and '%s': %d", ordered[i],
				    ordered[j], c);
		}
	}
}

static struct arena arena;
static struct names names;

static struct name *
name(const char *s)
{
	struct text t = { s, s != NULL ? strlen(s) : 0 };

	return names_get(&names, t);
}

static int
set_up(void **state)
{
	(void)state;
	names_init(&names, &arena);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	names_release(&names);
	arena_release(&arena);
	return 0;
}

static struct message
message(const char *id, int64_t at)
{
	struct message m = { .at = at,
		.updated_at = CLOCK_NONE,
		.id = id,
		.id_len = (uint8_t)strlen(id),
		.from = FROM_CUSTOMER };

	return m;
}

/* Each version beats the one before it, by the field that is named. */
static void
the_greater_version_wins(void **state)
{
	struct message v[11];
	struct message m[2];
	size_t i, j;

	(void)state;
	for (i = 0; i < ARRAY_LEN(v); i++)
		v[i] = message("1", 100);
	for (i = 1; i < ARRAY_LEN(v); i++) {
		/* What a later one has, all after it have too. */
		if (i >= 1)
			v[i].automated = true;
		if (i >= 2)
			v[i].is_private = true;
		if (i >= 3)
			v[i].kind = name("image");
		if (i >= 4)
			v[i].operator_id = name("7");
		if (i >= 5)
			v[i].user = name("10");
		if (i >= 6)
			v[i].user = name("9"); /* by bytes, not by value */
		if (i >= 7)
			v[i].from = FROM_OPERATOR; /* by its word */
		if (i >= 8)
			v[i].at = 101;
		if (i >= 9)
			v[i].updated_at = 5;
		if (i >= 10) {
			/* The time of change decides before all else. */
			v[i] = message("1", 1);
			v[i].updated_at = 6;
		}
	}
	for (i = 0; i < ARRAY_LEN(v); i++) {
		for (j = 0; j < ARRAY_LEN(v); j++) {
			m[0] = v[i];
			m[1] = v[j];
			assert_int_equal(timeline_settle(m, 2), 1);
			if (message_compare_version(&m[0], &v[i > j ? i : j]) !=
			    0)
				fail_msg("version %zu against %zu", i, j);
		}
	}
}

static void
messages_at_one_instant_are_ordered_by_id(void **state)
{
	struct message m[] = { message("b", 5), message("10", 5),
		message("a", 5), message("9", 5), message("zz", 4) };
	static const char *const want[] = { "zz", "9", "10", "a", "b" };
	size_t i;

	(void)state;
	assert_int_equal(timeline_settle(m, ARRAY_LEN(m)), ARRAY_LEN(m));
	for (i = 0; i < ARRAY_LEN(m); i++)
		assert_string_equal(m[i].id, want[i]);
}

static void
nothing_is_nothing(void **state)
{
	(void)state;
	assert_int_equal(timeline_settle(NULL, 0), 0);
}

/* Every order of arrival of doubles, versions, ties and latecomers. */
static void
the_order_of_arrival_does_not_matter(void **state)
{
	struct message all[] = { message("1", 10), message("2", 10),
		message("1", 30), message("x", 20), message("2", 10),
		message("10", 20), message("3", 1), message("x", 25) };
	struct message first[ARRAY_LEN(all)], m[ARRAY_LEN(all)];
	size_t n = 0, i, j, k, round;
	struct message swap;

	(void)state;
	all[0].updated_at = 99; /* the earlier of two is the later version */
	for (round = 0; round < 2000; round++) {
		memcpy(m, all, sizeof all);
		for (i = ARRAY_LEN(m) - 1; round > 0 && i > 0; i--) {
			j = (size_t)rand() % (i + 1);
			swap = m[i];
			m[i] = m[j];
			m[j] = swap;
		}
		k = timeline_settle(m, ARRAY_LEN(m));
		if (round == 0) {
			n = k;
			assert_int_equal(n, 5);
			memcpy(first, m, sizeof m);
		}
		assert_int_equal(k, n);
		for (i = 0; i < n; i++) {
			assert_string_equal(m[i].id, first[i].id);
			assert_int_equal(m[i].at, first[i].at);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_ordered_by_value_then_by_bytes),
		cmocka_unit_test(the_greater_version_wins),
		cmocka_unit_test(messages_at_one_instant_are_ordered_by_id),
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(the_order_of_arrival_does_not_matter),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
