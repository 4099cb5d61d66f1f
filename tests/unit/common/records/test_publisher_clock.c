/*
 * Tests of records/publisher_clock: the bucket of each line, and each time that
 * moved is appended once.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/records/bucket.h"
#include "common/records/publisher_clock.h"

#define CLOCK(tenant, at)                                                      \
	"{\"type\":\"clock\",\"tenant\":\"" tenant "\",\"at\":\"" at "\"}\n"
#define EVENT(tenant, at)                                                      \
	"{\"type\":\"event\",\"tenant\":\"" tenant                             \
	"\",\"id\":\"1\",\"event\":\"e\","                                     \
	"\"at\":\"" at "\"}"
#define AT(n) "2026-11-20T10:00:0" #n ".000Z"

/* In their order; the clock records that each leads to. */
static const struct {
	const char *line, *clocks;
} cases[] = {
	{ "{\"type\":\"message\",\"tenant\":\"a\",\"chat\":\"1\",\"id\":\"1\","
	  "\"at\":\"2026-11-20T10:00:05Z\",\"from\":\"customer\"}",
	    CLOCK("a", AT(5)) },
	/* It is older, or the same. */
	{ "{\"type\":\"view\",\"tenant\":\"a\",\"message\":\"1\",\"user\":"
	  "\"u\","
	  "\"at\":\"2026-11-20T10:00:04Z\"}",
	    "" },
	{ "{\"type\":\"event\",\"tenant\":\"a\",\"id\":\"1\",\"event\":\"e\","
	  "\"at\":\"2026-11-20T10:00:05Z\"}",
	    "" },
	{ "{\"type\":\"event\",\"tenant\":\"b\",\"id\":\"1\",\"event\":\"e\"}",
	    "" },
	/* A chat that tells no time of its own. */
	{ "{\"type\":\"chat\",\"tenant\":\"b\",\"chat\":\"1\",\"opened_at\":"
	  "\"2026-11-20T10:00:01Z\"}",
	    CLOCK("b", AT(1)) },
	/* Neither what is about a message nor what a snapshot holds. */
	{ "{\"type\":\"message\",\"tenant\":\"a\",\"chat\":\"1\",\"id\":\"1\","
	  "\"at\":\"2026-11-20T10:00:07Z\",\"from\":\"customer\","
	  "\"about\":true}",
	    "" },
	{ "{\"type\":\"chat\",\"tenant\":\"a\",\"chat\":\"1\",\"at\":"
	  "\"2026-11-20T10:00:07Z\",\"snapshot\":\"s\"}",
	    "" },
	/* Bad, unknown, or with a time of the rows' own. */
	{ "{\"type\":\"event\",\"tenant\":\"a\",\"id\":\"1 \",\"event\":\"e\","
	  "\"at\":\"2026-11-20T10:00:07Z\"}",
	    "" },
	{ "no JSON", "" },
	{ "{\"type\":\"x\",\"tenant\":\"a\",\"at\":\"2026-11-20T10:00:07Z\"}",
	    "" },
	{ "{\"type\":\"row\",\"tenant\":\"a\",\"table\":\"t\",\"as_of\":"
	  "\"2026-11-20T10:00:07Z\"}",
	    "" },
	/* All know that already. */
	{ CLOCK("a", AT(8)), "" },
	{ "{\"type\":\"limit\",\"tenant\":\"a\",\"at\":"
	  "\"2026-11-20T10:00:08Z\"}",
	    "" },
	{ "{\"type\":\"assignment\",\"tenant\":\"a\",\"id\":\"1\","
	  "\"chat\":\"1\",\"operator\":\"1\",\"at\":\"2026-11-20T10:00:09Z\","
	  "\"expires\":\"2026-11-20T11:00:00Z\"}",
	    CLOCK("a", AT(9)) },
};

static void
a_time_is_told_once(void **state)
{
	struct publisher_clock s = { .moved = false };
	struct flat f = FLAT_INIT;
	struct buf clocks = BUF_INIT, line = BUF_INIT;
	size_t i, len;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		len = strcspn(cases[i].line, "\n");
		buf_clear(&line);
		buf_clear(&clocks);
		buf_add(&line, cases[i].line, len);
		memset(buf_room(&line, 64), 0, 64);
		assert_int_equal(publisher_clock_bucket(&s, cases[i].line, len),
		    bucket_of_line(&f, line.data, len));
		publisher_clock_add_records(&s, &clocks, 0);
		publisher_clock_add_records(&s, &clocks, 0);
		assert_string_equal(buf_str(&clocks), cases[i].clocks);
	}
	publisher_clock_release(&s);
	flat_release(&f);
	buf_release(&clocks);
	buf_release(&line);
}

/* A wrong clock does not keep the others' times from being told: neither in the
 * middle, nor as a tenant's first. */
static void
a_time_far_ahead_does_not_count(void **state)
{
	static const struct {
		const char *line, *clocks;
	} steps[] = {
		{ EVENT("a", "9999-01-01T00:00:00.000Z"),
		    CLOCK("a", "9999-01-01T00:00:00.000Z") },
		{ EVENT("a", AT(1)), CLOCK("a", AT(1)) },
		{ EVENT("a", "9999-01-01T00:00:00.000Z"), "" },
		{ EVENT("a", AT(2)), CLOCK("a", AT(2)) },
		{ EVENT("a", AT(1)), "" },
	};
	struct publisher_clock s = { .ahead_ms = (int64_t)24 * 3600 * 1000 };
	struct buf clocks = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(steps); i++) {
		(void)publisher_clock_bucket(
		    &s, steps[i].line, strlen(steps[i].line));
		buf_clear(&clocks);
		publisher_clock_add_records(&s, &clocks, 0);
		assert_string_equal(buf_str(&clocks), steps[i].clocks);
	}
	publisher_clock_release(&s);
	buf_release(&clocks);
}

/* Of several it is the newest, and not before the pause is over. */
static void
what_moved_meanwhile_is_told_together(void **state)
{
	static const size_t order[] = { 1, 0, 4 };
	struct publisher_clock s = { .moved = false };
	struct buf clocks = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(order); i++)
		(void)publisher_clock_bucket(
		    &s, cases[order[i]].line, strlen(cases[order[i]].line));
	publisher_clock_add_records(&s, &clocks, 0);
	assert_string_equal(
	    buf_str(&clocks), CLOCK("a", AT(5)) CLOCK("b", AT(1)));
	buf_clear(&clocks);
	(void)publisher_clock_bucket(
	    &s, cases[13].line, strlen(cases[13].line));
	publisher_clock_add_records(&s, &clocks, INT64_C(3600) * 1000);
	assert_string_equal(buf_str(&clocks), "");
	publisher_clock_add_records(&s, &clocks, 0);
	assert_string_equal(buf_str(&clocks), CLOCK("a", AT(9)));
	publisher_clock_release(&s);
	buf_release(&clocks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_time_is_told_once),
		cmocka_unit_test(a_time_far_ahead_does_not_count),
		cmocka_unit_test(what_moved_meanwhile_is_told_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
