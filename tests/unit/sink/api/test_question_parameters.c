/*
 * Tests of sink/api/question: which texts are numbers and times.
 */
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/api/question.h"

#define UNTOUCHED 77

static const char *value; /* of every parameter */
static struct zone *jakarta;

static void
visit_parameters(
    const struct web_request *r, web_parameter_visitor *visit, void *ctx)
{
	static const char *const names[] = { "limit", "withdrawn", "from" };
	size_t i;

	(void)r;
	for (i = 0; i < ARRAY_LEN(names); i++)
		visit(ctx, names[i], value);
}

struct asked {
	const char *text;
	int64_t want; /* -1: a problem */
};

typedef bool reader(struct question *q, int64_t *n);

static bool
read_int(struct question *q, int64_t *n)
{
	return question_int(q, "limit", 1, 500, n);
}

static bool
read_flag(struct question *q, int64_t *n)
{
	bool is = false;
	bool good = question_flag(q, "withdrawn", &is);

	*n = is ? 1 : UNTOUCHED;
	return good;
}

static bool
read_time(struct question *q, int64_t *n)
{
	return question_zoned_time(q, jakarta, "from", n);
}

static void
each_is_read(reader *read, const struct asked *cases, size_t n)
{
	struct web_request r = { .parameters = visit_parameters };
	struct web_answer a = { 0 };
	struct question q = { .request = &r, .answer = &a };
	int64_t got;
	bool good;
	size_t i;

	r.now_ms = 10 * DAY_MS;
	for (i = 0; i < n; i++) {
		value = cases[i].text;
		got = UNTOUCHED;
		a.status = 200;
		good = read(&q, &got);
		if (good != (cases[i].want != -1) ||
		    (good && got != cases[i].want) ||
		    a.status != (good ? 200 : 400))
			fail_msg("'%s': %lld, status %d",
			    value != NULL ? value : "(absent)", (long long)got,
			    a.status);
		buf_release(&a.body);
	}
	buf_release(&a.headers);
}

static void
whole_numbers(void **state)
{
	static const struct asked cases[] = {
		{ NULL, UNTOUCHED },
		{ "1", 1 },
		{ "500", 500 },
		{ "0", -1 },
		{ "501", -1 },
		{ "-1", -1 },
		{ "1.0", -1 },
		{ "ten", -1 },
	};

	(void)state;
	each_is_read(read_int, cases, ARRAY_LEN(cases));
}

static void
flags(void **state)
{
	static const struct asked cases[] = {
		{ NULL, UNTOUCHED },
		{ "1", 1 },
		{ "0", -1 },
		{ "11", -1 },
		{ "true", -1 },
	};

	(void)state;
	each_is_read(read_flag, cases, ARRAY_LEN(cases));
}

static void
times(void **state)
{
	static const struct asked cases[] = {
		{ NULL, UNTOUCHED },
		{ "1970-01-02T00:00:00Z", DAY_MS },
		{ "1970-01-02T03:00:00 03:00", DAY_MS }, /* a + not encoded */
		{ "1970-01-02", DAY_MS - 7 * HOUR_MS },  /* the local day */
		{ "24h", 9 * DAY_MS },
		{ "7d", 3 * DAY_MS },
		{ "1970-02-30", -1 },
		{ "yesterday", -1 },
		{ "7", -1 },
	};

	struct buf why = BUF_INIT;

	(void)state;
	jakarta = zone_open("Asia/Jakarta", &why);
	assert_non_null(jakarta);
	each_is_read(read_time, cases, ARRAY_LEN(cases));
	zone_close(jakarta);
	buf_release(&why);
}

int
test_question_parameters(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(flags),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
