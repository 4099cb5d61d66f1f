/*
 * daemon_metrics: see daemon_metrics.h.
 */
#include "common/monitoring/daemon_metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

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
