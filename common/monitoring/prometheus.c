/*
 * prometheus: see prometheus.h.
 */
#include "common/monitoring/prometheus.h"

#include <stddef.h>

#include "common/base/prog.h"

static const char *const type_names[] = {
	[PROMETHEUS_COUNTER] = "counter",
	[PROMETHEUS_GAUGE] = "gauge",
	[PROMETHEUS_HISTOGRAM] = "histogram",
};

void
prometheus_head(struct buf *to, const char *name, enum prometheus_type type,
    const char *help)
{
	buf_addf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    type_names[type]);
}

void
prometheus_label(struct buf *labels, const char *name, const char *value)
{
	buf_addf(labels, "%s%s=\"", labels->len > 0 ? "," : "", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			buf_adds(labels, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			buf_addc(labels, '\\');
		buf_addc(labels, *value);
	}
	buf_addc(labels, '"');
}

static void
begin_sample(struct buf *to, const char *name, const char *labels)
{
	buf_adds(to, name);
	if (labels[0] != '\0')
		buf_addf(to, "{%s}", labels);
	buf_addc(to, ' ');
}

static void
add_seconds(struct buf *to, int64_t ms)
{
	uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

	buf_addf(to, "%s%llu.%03u", ms < 0 ? "-" : "",
	    (unsigned long long)(size / 1000), (unsigned)(size % 1000));
}

void
prometheus_sample(
    struct buf *to, const char *name, const char *labels, uint64_t n)
{
	begin_sample(to, name, labels);
	buf_addf(to, "%llu\n", (unsigned long long)n);
}

void
prometheus_sample_seconds(
    struct buf *to, const char *name, const char *labels, int64_t ms)
{
	begin_sample(to, name, labels);
	add_seconds(to, ms);
	buf_addc(to, '\n');
}

void
prometheus_count(struct buf *to, const char *name, const char *label,
    const char *value, uint64_t n)
{
	struct buf labels = BUF_INIT;

	if (label != NULL)
		prometheus_label(&labels, label, value);
	prometheus_sample(to, name, buf_str(&labels), n);
	buf_release(&labels);
}

void
prometheus_total(struct buf *to, const char *name, const char *labels,
    const char *help, uint64_t n)
{
	prometheus_head(to, name, PROMETHEUS_COUNTER, help);
	prometheus_sample(to, name, labels, n);
}

void
prometheus_result(struct buf *to, const char *name, const char *labels,
    const char *result, uint64_t n)
{
	struct buf with = BUF_INIT;

	buf_adds(&with, labels);
	prometheus_label(&with, "result", result);
	prometheus_sample(to, name, buf_str(&with), n);
	buf_release(&with);
}

void
prometheus_counter(
    struct buf *to, const char *name, const char *help, uint64_t n)
{
	prometheus_total(to, name, "", help, n);
}

void
prometheus_gauge(struct buf *to, const char *name, const char *help, uint64_t n)
{
	prometheus_head(to, name, PROMETHEUS_GAUGE, help);
	prometheus_sample(to, name, "", n);
}

/* Upper bounds in ms. */
static const int64_t duration_ends[PROMETHEUS_DURATIONS] = { 1, 2, 5, 10, 25,
	50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000 };

void
prometheus_observe(struct prometheus_durations *d, int64_t ms)
{
	size_t i = 0;

	while (i < PROMETHEUS_DURATIONS && ms > duration_ends[i])
		i++;
	d->within[i]++;
	d->sum_ms += ms;
}

void
prometheus_histogram(struct buf *to, const char *name, const char *labels,
    const struct prometheus_durations *d)
{
	const char *comma = labels[0] != '\0' ? "," : "";
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < PROMETHEUS_DURATIONS; i++) {
		n += d->within[i];
		buf_addf(to, "%s_bucket{%s%sle=\"", name, labels, comma);
		add_seconds(to, duration_ends[i]);
		buf_addf(to, "\"} %llu\n", (unsigned long long)n);
	}
	n += d->within[i];
	buf_addf(to, "%s_bucket{%s%sle=\"+Inf\"} %llu\n%s_sum", name, labels,
	    comma, (unsigned long long)n, name);
	prometheus_sample_seconds(to, "", labels, d->sum_ms);
	buf_addf(to, "%s_count", name);
	prometheus_sample(to, "", labels, n);
}

void
prometheus_build_info(struct buf *to)
{
	static const char name[] = "messaging_build_info";
	struct buf labels = BUF_INIT;

	prometheus_label(&labels, "program", prog_name());
	prometheus_label(&labels, "version", prog_version());
	prometheus_head(
	    to, name, PROMETHEUS_GAUGE, "The program and its version.");
	prometheus_sample(to, name, buf_str(&labels), 1);
	buf_release(&labels);
}
