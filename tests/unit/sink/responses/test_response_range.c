/*
 * Tests of the range of a request for responses, without a database: its years,
 * and the error for a bad one.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "sink/responses/responses.h"

static const char *from_asked, *to_asked;

static void
visit_range(
    const struct web_request *r, web_parameter_visitor *visit, void *ctx)
{
	(void)r;
	visit(ctx, "from", from_asked);
	visit(ctx, "to", to_asked);
}

/* Reads the range; false and the problem on errors. */
static bool
read_range(const char *zone, const char *from, const char *to,
    struct response_span *s, struct web_answer *a)
{
	struct web_request request = { .parameters = visit_range };
	struct question q = { .request = &request, .answer = a };
	struct zone *z = zone_open(zone, NULL);
	bool good;

	assert_non_null(z);
	from_asked = from;
	to_asked = to;
	good = response_span_read(&q, z, s);
	zone_close(z);
	return good;
}

/* The year does not depend on the time in UTC. */
static void
the_years_are_those_of_the_zone(void **state)
{
	static const struct {
		const char *zone, *from, *to;
		bool good;
	} cases[] = {
		{ "UTC", "1970-01-01", "2037-01-01", true },
		{ "UTC", "1969-12-31T23:59:59.999Z", "1970-01-02", false },
		{ "UTC", "2036-12-31", "2037-01-01T00:00:00.001Z", false },
		{ "America/New_York", "2036-12-31", "2037-01-01", true },
		{ "America/New_York", "2036-12-31", "2037-01-02", false },
		{ "America/New_York", "1970-01-01", "1970-01-02", true },
		{ "America/New_York", "1970-01-01T00:00:00Z", "1970-01-02",
		    false },
		{ "Asia/Tokyo", "1970-01-01", "2037-01-01", true },
		{ "Asia/Tokyo", "1969-12-31", "1970-01-02", false },
	};
	struct response_span s;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct web_answer a = { .status = 200 };

		if (read_range(cases[i].zone, cases[i].from, cases[i].to, &s,
			&a) != cases[i].good)
			fail_msg("%s: %s to %s", cases[i].zone, cases[i].from,
			    cases[i].to);
		buf_release(&a.body);
	}
}

/* If the user gave no `from`, the error says how it was chosen. */
static void
a_missing_from_is_named(void **state)
{
	struct web_answer a = { .status = 200 };
	struct response_span s;

	(void)state;
	assert_false(read_range("UTC", NULL, "1970-01-03", &s, &a));
	assert_int_equal(a.status, 400);
	assert_non_null(strstr(buf_str(&a.body), "seven days before to"));
	buf_clear(&a.body);
	assert_false(read_range("UTC", "1969-12-31", "1970-01-03", &s, &a));
	assert_null(strstr(buf_str(&a.body), "seven days before to"));
	buf_release(&a.body);
}

int
test_response_range(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_years_are_those_of_the_zone),
		cmocka_unit_test(a_missing_from_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
