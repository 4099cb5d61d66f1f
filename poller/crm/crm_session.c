/*
 * crm_session: see crm_session.h.
 */
#define _DEFAULT_SOURCE /* flock() */
#include "poller/crm/crm_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/monitoring/metrics_file.h"
#include "common/monitoring/prometheus.h"
#include "common/os/file.h"
#include "common/os/stop.h"
#include "poller/crm/failure.h"
#include "poller/crm/quota.h"

void
crm_session_open(struct crm_session *s, struct http *http,
    const struct tenant *t, enum usage_who who, struct store *store)
{
	*s = (struct crm_session){ .tenant = t, .store = store, .who = who };
	s->fetch = fetch_new(http, t, &s->skew);
	if (store != NULL)
		s->skew.offset_ms = store_number(store, "skew", 0);
}

void
crm_session_close(struct crm_session *s)
{
	fetch_free(s->fetch);
	store_close(s->store);
	*s = (struct crm_session){ .code = s->code };
}

int64_t
crm_session_now(const struct crm_session *s)
{
	return skew_apply(&s->skew, clock_now_ms());
}

/* How long the CRM wants no call; a pause beyond THROTTLE_MAX_MS is taken for
 * an error. */
static int64_t
stored_hold(const struct crm_session *s)
{
	int64_t wait =
	    store_number(s->store, "hold_until", 0) - crm_session_now(s);

	return wait > 0 && wait <= THROTTLE_MAX_MS ? wait : 0;
}

void
crm_session_begin(struct crm_session *s)
{
	int64_t wait = s->store != NULL ? stored_hold(s) : 0;
	char text[CLOCK_TEXT];

	fetch_hold(s->fetch, wait);
	if (wait <= s->tenant->retry_budget_ms) /* it is waited for */
		return;
	clock_format(crm_session_now(s) + wait, text);
	log_error("tenant %s: its CRM is rate-limited until %s; the next run "
		  "after that tries again",
	    s->tenant->name, text);
	s->code = PROG_TEMPFAIL;
	fetch_stop(s->fetch);
}

void
crm_session_fail(struct crm_session *s, enum error_class error,
    const char *what, const char *message)
{
	if (s->code == PROG_OK) {
		s->code = failure_code(error, FAILURE_TENANT);
		failure_log(s->tenant, error, what, message);
	}
	fetch_stop(s->fetch);
}

uint64_t
crm_session_calls(const struct crm_session *s)
{
	return usage_calls(fetch_calls(s->fetch));
}

/* Other runs may have been told of another pause: the longer one counts, for
 * this run, too. */
static void
keep_hold(struct crm_session *s)
{
	int64_t held = fetch_hold_ms(s->fetch), stored = stored_hold(s);

	if (held > stored)
		store_set_number(
		    s->store, "hold_until", crm_session_now(s) + held);
	else
		fetch_hold(s->fetch, stored);
}

enum exit_code
crm_session_commit(struct crm_session *s, struct buf *why)
{
	uint64_t calls = crm_session_calls(s), n = calls - s->counted;
	enum exit_code code;

	if (s->store == NULL)
		return PROG_OK;
	usage_add(s->store, s->who, crm_session_now(s), n);
	keep_hold(s);
	code = store_commit(s->store, why);
	if (code == PROG_OK)
		s->counted = calls;
	return code;
}

void
crm_session_count(struct crm_session *s)
{
	struct buf why = BUF_INIT;

	if (crm_session_commit(s, &why) != PROG_OK)
		log_warn("tenant %s: %s", s->tenant->name, buf_str(&why));
	buf_release(&why);
}

/* ---- call metrics ---- */

/* How long another run is waited for that writes the counts, which takes it
 * some milliseconds; a snapshot waits meanwhile for its end. */
#define LOCK_MS 1500
#define LOCK_PAUSE_MS 20

static const char calls_total[] = "messaging_crm_calls_total";

static const char *const result_names[CALL_RESULTS] = {
	[CALL_OK] = "ok",
	[CALL_GONE] = "gone",
	[CALL_LIMITED] = "limited",
	[CALL_REFUSED] = "refused",
	[CALL_FAILED] = "failed",
};

void
call_metrics_head(struct buf *to)
{
	prometheus_head(to, calls_total, PROMETHEUS_COUNTER,
	    "Calls to the CRM that were answered (ok), whose object was not "
	    "there (gone), of which there were too many (limited), that the "
	    "token does not allow (refused), and others (failed).");
}

void
call_metrics_add(struct buf *to, const char *labels, const char *mode,
    const char *tenant, const uint64_t results[CALL_RESULTS])
{
	struct buf with = BUF_INIT;
	size_t i;

	buf_adds(&with, labels);
	prometheus_label(&with, "mode", mode);
	prometheus_label(&with, "tenant", tenant);
	for (i = 0; i < CALL_RESULTS; i++)
		prometheus_result(to, calls_total, buf_str(&with),
		    result_names[i], results[i]);
	buf_release(&with);
}

/* Adds the counts of an earlier file; it may be missing, or damaged. */
static void
add_earlier(const char *path, uint64_t results[CALL_RESULTS])
{
	struct buf text = BUF_INIT;
	char key[32];
	const char *at;
	size_t i;

	if (file_read_path(path, 0, &text) == 0) {
		for (i = 0; i < CALL_RESULTS; i++) {
			(void)snprintf(key, sizeof key, "result=\"%s\"} ",
			    result_names[i]);
			at = strstr(buf_str(&text), key);
			if (at != NULL)
				results[i] +=
				    strtoull(at + strlen(key), NULL, 10);
		}
	}
	buf_release(&text);
}

/* As far as calls are committed. */
static void
add_calls_left(struct buf *to, const struct crm_session *s)
{
	static const char name[] = "messaging_crm_calls_left";
	uint64_t budget = (uint64_t)s->tenant->budget, used;

	if (s->who != USAGE_POLL || s->store == NULL || budget == 0)
		return;
	used = usage_month(s->store, crm_session_now(s));
	prometheus_head(to, name, PROMETHEUS_GAUGE,
	    "Calls to the CRM that the budget of this month leaves.");
	prometheus_count(to, name, "tenant", s->tenant->name,
	    used < budget ? budget - used : 0);
}

/* Of the folder: two runs at a time would count from the same begin. Where it
 * cannot be had, the counts are kept without. The descriptor to close, or -1.
 */
static int
lock_folder(const char *folder)
{
	int64_t end = clock_mono_ms() + LOCK_MS;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    clock_mono_ms() >= end || stop_sleep(LOCK_PAUSE_MS))
			break;
	}
	return fd;
}

void
call_metrics_keep(const struct crm_session *s)
{
	const char *folder = s->tenant->metrics, *tenant = s->tenant->name;
	const char *mode = usage_names[s->who];
	uint64_t results[CALL_RESULTS];
	struct buf text = BUF_INIT;
	bool failed = false;
	char *path;
	int lock;

	if (folder == NULL)
		return;
	lock = lock_folder(folder);
	path = xasprintf("%s/messaging_calls_%s_%s.prom", folder, mode, tenant);
	memcpy(results, fetch_results(s->fetch), sizeof results);
	add_earlier(path, results);
	call_metrics_head(&text);
	call_metrics_add(&text, "", mode, tenant, results);
	add_calls_left(&text, s);
	metrics_file_write(path, &text, &failed);
	if (lock >= 0)
		(void)close(lock);
	buf_release(&text);
	free(path);
}
