/*
 * crm_session: see crm_session.h.
 */
#include "poller/crm/crm_session.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/monitoring/prometheus.h"
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

/* Returns how long the CRM accepts no calls; a pause beyond THROTTLE_MAX_MS is
 * treated as an error. */
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
	/* Short enough to wait for it. */
	if (wait <= s->tenant->retry_budget_ms)
		return;
	clock_format(crm_session_now(s) + wait, text);
	log_error("tenant %s: the CRM accepts no calls until %s (rate limit); "
		  "the first run after that will try again",
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

void
crm_session_fail_state(
    struct crm_session *s, enum exit_code code, const char *why)
{
	if (s->code == PROG_OK) {
		s->code = code;
		log_error("tenant %s: %s", s->tenant->name, why);
	}
	fetch_stop(s->fetch);
}

uint64_t
crm_session_calls(const struct crm_session *s)
{
	return usage_sum(fetch_results(s->fetch));
}

bool
crm_session_has_uncounted(const struct crm_session *s)
{
	return crm_session_calls(s) > usage_sum(s->counted);
}

/* Another run may have received a different pause: the longer one counts, also
 * for this run. Its end is a time on the CRM's clock, so the next run needs
 * both. */
static void
keep_hold(struct crm_session *s)
{
	int64_t held = fetch_hold_ms(s->fetch), stored = stored_hold(s);

	if (s->skew.known)
		store_set_number(s->store, "skew", s->skew.offset_ms);
	if (held > stored)
		store_set_number(
		    s->store, "hold_until", crm_session_now(s) + held);
	else
		fetch_hold(s->fetch, stored);
}

enum exit_code
crm_session_commit(struct crm_session *s, struct buf *why)
{
	const uint64_t *calls = fetch_results(s->fetch);
	enum exit_code code;

	if (s->store == NULL)
		return PROG_OK;
	usage_add(s->store, s->who, crm_session_now(s), s->counted, calls);
	keep_hold(s);
	code = store_commit(s->store, why);
	if (code == PROG_OK)
		memcpy(s->counted, calls, sizeof s->counted);
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

static const char calls_total[] = "messaging_crm_calls_total";

void
call_metrics_head(struct buf *to)
{
	prometheus_head(to, calls_total, PROMETHEUS_COUNTER,
	    "Calls to the CRM by result: answered (ok), object not found "
	    "(gone), rate-limited (limited), refused because of the token "
	    "(refused), other results (failed).");
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
	for (i = 0; i < CALL_PENDING; i++)
		prometheus_result(to, calls_total, buf_str(&with),
		    call_result_names[i], results[i]);
	buf_release(&with);
}

/* Only counts committed calls. */
static void
add_calls_left(struct buf *to, const struct crm_session *s)
{
	static const char name[] = "messaging_crm_calls_left";
	uint64_t budget = (uint64_t)s->tenant->budget, used;
	struct buf labels = BUF_INIT;

	if (s->who != USAGE_POLL || s->store == NULL || budget == 0)
		return;
	used = usage_month(s->store, crm_session_now(s));
	prometheus_head(to, name, PROMETHEUS_GAUGE,
	    "Calls to the CRM left in the budget of this month.");
	prometheus_label(&labels, "tenant", s->tenant->name);
	prometheus_sample(
	    to, name, buf_str(&labels), used < budget ? budget - used : 0);
	buf_release(&labels);
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

	if (folder == NULL)
		return;
	if (s->store != NULL)
		usage_month_of(s->store, s->who, crm_session_now(s), results);
	else
		memcpy(results, fetch_results(s->fetch), sizeof results);
	path = xasprintf("%s/messaging_calls_%s_%s.prom", folder, mode, tenant);
	call_metrics_head(&text);
	call_metrics_add(&text, "", mode, tenant, results);
	add_calls_left(&text, s);
	metrics_file_write(path, &text, &failed);
	buf_release(&text);
	free(path);
}
