/*
 * prometheus: see prometheus.h.
 */
#include "common/monitoring/prometheus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

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
	char text[DECIMAL_ROOM];

	buf_add(to, text, (size_t)(decimal_write_thousandths(text, ms) - text));
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

/* Another user reads the file, so the umask does not apply. */
static int
replace_metrics_file(const char *path, const struct buf *text)
{
	char *beside = xasprintf("%s.new", path);
	int fd =
	    file_open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
	int rc = -1;

	if (fd >= 0) {
		if (fchmod(fd, 0644) == 0 &&
		    file_write_all(fd, text->data, text->len) == 0)
			rc = rename(beside, path);
		(void)close(fd);
	}
	free(beside);
	return rc;
}

void
metrics_file_write(const char *path, const struct buf *text, bool *failed)
{
	int rc = replace_metrics_file(path, text);

	if (rc != 0 && !*failed)
		log_warn("cannot write '%s' in [metrics] folder: %s; %s; the "
			 "program continues",
		    path, log_errno(errno), syserr_way_out(errno));
	*failed = rc != 0;
}

/* How often the file is written: more often than Prometheus reads it. */
#define WRITE_MS 5000

struct daemon_metrics {
	char *path;
	struct buf labels, text;
	daemon_metrics_writer *more;
	void *ctx;
	int64_t started_ms, flushed_ms; /* wall-clock times; 0: never */
	int64_t written_ms;             /* monotonic time */
	uint64_t lines, dead_letters, retries;
	struct prometheus_durations flushes;
	bool failed; /* writing failed, which has been logged */
};

static void
add_time(
    struct daemon_metrics *m, const char *name, const char *help, int64_t ms)
{
	prometheus_head(&m->text, name, PROMETHEUS_GAUGE, help);
	prometheus_sample_seconds(&m->text, name, buf_str(&m->labels), ms);
}

static void
add_total(
    struct daemon_metrics *m, const char *name, const char *help, uint64_t n)
{
	prometheus_total(&m->text, name, buf_str(&m->labels), help, n);
}

static void
describe_daemon(struct daemon_metrics *m)
{
	static const char flush[] = "messaging_daemon_flush_duration_seconds";

	buf_clear(&m->text);
	add_time(m, "messaging_daemon_start_timestamp_seconds",
	    "Start time of the daemon.", m->started_ms);
	add_time(m, "messaging_daemon_written_timestamp_seconds",
	    "Time of this file; it is old if the program ended or hangs.",
	    clock_now_ms());
	add_time(m, "messaging_daemon_last_success_timestamp_seconds",
	    "Time of the last acknowledgement of input; 0: never.",
	    m->flushed_ms);
	add_total(m, "messaging_daemon_records_total",
	    "Lines read, including bad ones.", m->lines);
	add_total(m, "messaging_daemon_dead_letters_total",
	    "Lines sent to the dead-letter queue.", m->dead_letters);
	add_total(m, "messaging_daemon_retries_total",
	    "Retries because a server was unavailable or busy.", m->retries);
	prometheus_head(
	    &m->text, flush, PROMETHEUS_HISTOGRAM, "Time to commit a batch.");
	prometheus_histogram(&m->text, flush, buf_str(&m->labels), &m->flushes);
	if (m->more != NULL)
		m->more(m->ctx, &m->text, buf_str(&m->labels));
}

static void
write_daemon(struct daemon_metrics *m)
{
	m->written_ms = clock_mono_ms();
	describe_daemon(m);
	metrics_file_write(m->path, &m->text, &m->failed);
}

struct daemon_metrics *
daemon_metrics_open(const struct conf *conf, const char *queue,
    daemon_metrics_writer *more, void *ctx)
{
	const char *folder = conf_text(conf, "metrics", "folder");
	struct daemon_metrics *m;

	if (folder == NULL)
		return NULL;
	m = xcalloc(1, sizeof *m);
	/* Any queue name is also a valid file name. */
	m->path =
	    xasprintf("%s/messaging_%s_%s.prom", folder, prog_name(), queue);
	prometheus_label(&m->labels, "program", prog_name());
	prometheus_label(&m->labels, "queue", queue);
	m->more = more;
	m->ctx = ctx;
	m->started_ms = clock_now_ms();
	write_daemon(m);
	return m;
}

void
daemon_metrics_flushed(struct daemon_metrics *m, int64_t ms)
{
	if (m == NULL)
		return;
	prometheus_observe(&m->flushes, ms);
	m->flushed_ms = clock_now_ms();
}

void
daemon_metrics_retried(struct daemon_metrics *m, uint64_t n)
{
	if (m != NULL)
		m->retries += n;
}

void
daemon_metrics_count(
    struct daemon_metrics *m, uint64_t lines, uint64_t dead_letters)
{
	if (m == NULL)
		return;
	m->lines = lines;
	m->dead_letters = dead_letters;
	if (clock_mono_ms() - m->written_ms >= WRITE_MS)
		write_daemon(m);
}

void
daemon_metrics_close(struct daemon_metrics *m)
{
	if (m == NULL)
		return;
	write_daemon(m);
	free(m->path);
	buf_release(&m->labels);
	buf_release(&m->text);
	free(m);
}
