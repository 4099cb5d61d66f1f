/*
 * Tests of common/monitoring/prometheus: the text format of Prometheus.
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
	prometheus_total(&b, "messaging_x_total", "", "What it is.", 7);
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
	prometheus_result(&b, "n", "", "a\"b\\c\nd\xc3\xa9", 1);
	prometheus_result(&b, "n", "", "", 2);
	assert_string_equal(buf_str(&b),
	    "n{result=\"a\\\"b\\\\c\\nd\xc3\xa9\"} 1\nn{result=\"\"} 2\n");
	buf_release(&b);
}

static void
several_labels_are_one_text(void **state)
{
	struct buf labels = BUF_INIT, b = BUF_INIT;

	(void)state;
	prometheus_label(&labels, "program", "sink");
	prometheus_label(&labels, "queue", "r\"s");
	prometheus_sample(&b, "n", buf_str(&labels), 3);
	prometheus_sample_seconds(&b, "s", buf_str(&labels), 1500);
	prometheus_sample(&b, "m", "", 4);
	assert_string_equal(buf_str(&b),
	    "n{program=\"sink\",queue=\"r\\\"s\"} 3\n"
	    "s{program=\"sink\",queue=\"r\\\"s\"} 1.500\n"
	    "m 4\n");
	buf_release(&labels);
	buf_release(&b);
}

/* Buckets are cumulative and include their upper bounds. */
static void
durations_are_counted_by_length(void **state)
{
	static const int64_t lengths[] = { 0, 1, 2, 3, 100, 101, 30000, 30001,
		1000000 };
	struct prometheus_durations d = { { 0 }, 0 };
	struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
		prometheus_observe(&d, lengths[i]);
	prometheus_histogram(&b, "h", "a=\"b\"", &d);
	assert_string_equal(buf_str(&b), "h_bucket{a=\"b\",le=\"0.001\"} 2\n"
					 "h_bucket{a=\"b\",le=\"0.002\"} 3\n"
					 "h_bucket{a=\"b\",le=\"0.005\"} 4\n"
					 "h_bucket{a=\"b\",le=\"0.010\"} 4\n"
					 "h_bucket{a=\"b\",le=\"0.025\"} 4\n"
					 "h_bucket{a=\"b\",le=\"0.050\"} 4\n"
					 "h_bucket{a=\"b\",le=\"0.100\"} 5\n"
					 "h_bucket{a=\"b\",le=\"0.250\"} 6\n"
					 "h_bucket{a=\"b\",le=\"0.500\"} 6\n"
					 "h_bucket{a=\"b\",le=\"1.000\"} 6\n"
					 "h_bucket{a=\"b\",le=\"2.500\"} 6\n"
					 "h_bucket{a=\"b\",le=\"5.000\"} 6\n"
					 "h_bucket{a=\"b\",le=\"10.000\"} 6\n"
					 "h_bucket{a=\"b\",le=\"30.000\"} 7\n"
					 "h_bucket{a=\"b\",le=\"+Inf\"} 9\n"
					 "h_sum{a=\"b\"} 1060.208\n"
					 "h_count{a=\"b\"} 9\n");
	buf_clear(&b);
	prometheus_histogram(&b, "h", "", &d);
	assert_non_null(strstr(buf_str(&b), "h_bucket{le=\"0.001\"} 2\n"));
	assert_non_null(strstr(buf_str(&b), "h_sum 1060.208\nh_count 9\n"));
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
		prometheus_sample_seconds(&b, "s", "", cases[i].ms);
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
test_prometheus(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_metric_has_a_head_and_samples),
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(several_labels_are_one_text),
		cmocka_unit_test(durations_are_counted_by_length),
		cmocka_unit_test(durations_are_seconds),
		cmocka_unit_test(the_build_names_program_and_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
