/*
 * Tests of the writer of Prometheus' text format.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/monitoring/prometheus.h"

static void
a_metric_has_a_head_and_samples(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	prometheus_counter(&b, "messaging_x_total", "What it is.", 7);
	prometheus_gauge(&b, "messaging_y", "And that.", UINT64_MAX);
	assert_string_equal(buf_str(&b),
	    "# HELP messaging_x_total What it is.\n"
	    "# TYPE messaging_x_total counter\n"
	    "messaging_x_total 7\n"
	    "# HELP messaging_y And that.\n"
	    "# TYPE messaging_y gauge\n"
	    "messaging_y 18446744073709551615\n");
	buf_release(&b);
}

static void
labels_are_escaped(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	prometheus_count(&b, "n", "tenant", "a\"b\\c\nd\xc3\xa9", 1);
	prometheus_count(&b, "n", "tenant", "", 2);
	assert_string_equal(buf_str(&b),
	    "n{tenant=\"a\\\"b\\\\c\\nd\xc3\xa9\"} 1\nn{tenant=\"\"} 2\n");
	buf_release(&b);
}

static void
durations_are_seconds(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "s 0.000\n" },
		{ 1500, "s 1.500\n" },
		{ 1795168800123, "s 1795168800.123\n" },
		{ -5, "s -0.005\n" },
		{ INT64_MIN, "s -9223372036854775.808\n" },
	};
	struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buf_clear(&b);
		prometheus_seconds(&b, "s", NULL, "", cases[i].ms);
		assert_string_equal(buf_str(&b), cases[i].text);
	}
	buf_release(&b);
}

static void
the_build_names_program_and_version(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	prog_init("poller");
	prometheus_build_info(&b);
	assert_non_null(strstr(buf_str(&b),
	    "\nmessaging_build_info{program=\"poller\",version=\""));
	assert_non_null(strstr(buf_str(&b), "\"} 1\n"));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_metric_has_a_head_and_samples),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(durations_are_seconds),
		cmocka_unit_test(the_build_names_program_and_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
