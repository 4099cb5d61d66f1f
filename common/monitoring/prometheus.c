/*
 * prometheus: see prometheus.h.
 */
#include "common/monitoring/prometheus.h"

#include "common/base/prog.h"

void
prometheus_head(struct buf *to, const char *name, enum prometheus_type type,
    const char *help)
{
	buf_addf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    type == PROMETHEUS_COUNTER ? "counter" : "gauge");
}

static void
add_label_value(struct buf *to, const char *value)
{
	buf_addc(to, '"');
	for (; *value != '\0'; value++) {
		if (*value == '\n') {
			buf_adds(to, "\\n");
			continue;
		}
		if (*value == '"' || *value == '\\')
			buf_addc(to, '\\');
		buf_addc(to, *value);
	}
	buf_addc(to, '"');
}

static void
begin_sample(
    struct buf *to, const char *name, const char *label, const char *value)
{
	buf_adds(to, name);
	if (label != NULL) {
		buf_addf(to, "{%s=", label);
		add_label_value(to, value);
		buf_addc(to, '}');
	}
	buf_addc(to, ' ');
}

void
prometheus_count(struct buf *to, const char *name, const char *label,
    const char *value, uint64_t n)
{
	begin_sample(to, name, label, value);
	buf_addf(to, "%llu\n", (unsigned long long)n);
}

void
prometheus_seconds(struct buf *to, const char *name, const char *label,
    const char *value, int64_t ms)
{
	uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

	begin_sample(to, name, label, value);
	buf_addf(to, "%s%llu.%03u\n", ms < 0 ? "-" : "",
	    (unsigned long long)(size / 1000), (unsigned)(size % 1000));
}

void
prometheus_counter(
    struct buf *to, const char *name, const char *help, uint64_t n)
{
	prometheus_head(to, name, PROMETHEUS_COUNTER, help);
	prometheus_count(to, name, NULL, "", n);
}

void
prometheus_gauge(struct buf *to, const char *name, const char *help, uint64_t n)
{
	prometheus_head(to, name, PROMETHEUS_GAUGE, help);
	prometheus_count(to, name, NULL, "", n);
}

void
prometheus_build_info(struct buf *to)
{
	static const char name[] = "messaging_build_info";

	prometheus_head(to, name, PROMETHEUS_GAUGE,
	    "The program that writes this, and its version.");
	buf_addf(to, "%s{program=", name);
	add_label_value(to, prog_name());
	buf_adds(to, ",version=");
	add_label_value(to, prog_version());
	buf_adds(to, "} 1\n");
}
