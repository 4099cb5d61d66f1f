/*
 * fetch: see fetch.h. The queues of questions, and sending them.
 *
 * A job is a question that has not ended: ready (or urgent), delayed after a
 * failure (fetch_answer.c), in flight, or in none of these queues while its
 * answer is handled. Throttling by the CRM (throttle.c) delays all jobs.
 */
#define _DEFAULT_SOURCE /* sys/queue.h */

#include "poller/client/fetch_impl.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

#define DELAY_BASE_MS 500
#define DELAY_CAP_MS 10000

struct fetch *
fetch_new(struct http *h, const struct tenant *t, struct skew *skew)
{
	struct fetch *f = xcalloc(1, sizeof *f);

	f->http = h;
	f->tenant = t;
	f->skew = skew;
	TAILQ_INIT(&f->urgent);
	TAILQ_INIT(&f->ready);
	TAILQ_INIT(&f->delayed);
	TAILQ_INIT(&f->in_flight);
	return f;
}

void
fetch_hold(struct fetch *f, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	if (ms > 0 && until > f->hold_until_ms)
		f->hold_until_ms = until;
}

void
fetch_drop_request(struct fetch_job *j)
{
	free(j->url);
	j->url = NULL;
	profile_request_release(&j->request);
}

static void
job_free(struct fetch_job *j)
{
	j->fetch->left--;
	value_unref(j->q.chat);
	value_unref(j->cursor);
	paging_guard_release(&j->paging);
	free(j->item);
	free(j->known);
	free(j->customer);
	free(j->replaces);
	free(j->operator_id);
	fetch_drop_request(j);
	free(j);
}

void
fetch_ready(struct fetch_job *j)
{
	if (j->q.urgent)
		TAILQ_INSERT_TAIL(&j->fetch->urgent, j, link);
	else
		TAILQ_INSERT_TAIL(&j->fetch->ready, j, link);
}

void
fetch_ask(struct fetch *f, const struct crm_question *q)
{
	struct fetch_job *j;

	if (f->stopped)
		return;
	j = xcalloc(1, sizeof *j);
	j->fetch = f;
	j->q = *q;
	j->q.chat = value_ref(q->chat);
	j->item = q->item != NULL ? xstrdup(q->item) : NULL;
	j->known = q->known != NULL ? xstrdup(q->known) : NULL;
	j->customer = q->customer != NULL ? xstrdup(q->customer) : NULL;
	j->replaces = q->replaces != NULL ? xstrdup(q->replaces) : NULL;
	j->operator_id =
	    q->operator_id != NULL ? xstrdup(q->operator_id) : NULL;
	j->retry = (struct retry)RETRY_INIT(
	    DELAY_BASE_MS, DELAY_CAP_MS, f->tenant->retry_budget_ms);
	f->left++;
	fetch_ready(j);
}

/* Counts the end of a question, and returns whose failure it is. */
static enum failure
judge(struct fetch_job *j, enum error_class error, bool silenced)
{
	struct fetch *f = j->fetch;
	struct breaker *b = &f->breakers[j->q.call];
	bool silent = error == ERROR_CLASS_LATER && !j->q.at_once &&
		      j->failures > 0 && f->answered == j->answered_before;

	if (j->item == NULL)
		return failure_whose(error, true, false);
	/* A listed chat has messages. */
	if (error == ERROR_CLASS_NONE ||
	    (error == ERROR_CLASS_GONE && j->q.call != PROFILE_MESSAGES))
		breaker_close(b);
	else if (silenced)
		breaker_fail(b, j->item, FAILURE_OPEN);
	else if (silent)
		breaker_fail(b, j->item, FAILURE_SILENT);
	else if (j->q.weight != FAILURE_ALONE)
		breaker_fail(b, j->item, j->q.weight);
	else if (!failure_passes(error)) /* it answers */
		breaker_close(b);
	f->refused[j->q.call] += j->refused;
	return failure_whose(
	    error, breaker_is_open(b) && !j->q.optional, j->refused);
}

void
fetch_end_as(struct fetch_job *j, enum error_class error, const char *message,
    bool maybe)
{
	const struct fetch *f = j->fetch;
	struct buf text = BUF_INIT;
	struct ending e = { .error = error,
		.asked = j->asked,
		.maybe = maybe,
		.missing = j->missing,
		.ended_ms = skew_apply(f->skew, clock_now_ms()),
		.silenced =
		    fetch_is_silenced(f, f->hold_until_ms - clock_mono_ms()) };

	e.failure = judge(j, error, e.silenced);
	if (message != NULL) {
		buf_adds(&text, message);
		tenant_conceal(f->tenant, &text);
		e.message = buf_str(&text);
	}
	if (!f->stopped)
		j->q.end(j->q.ctx, &e);
	buf_release(&text);
	job_free(j);
}

void
fetch_end(struct fetch_job *j, enum error_class error, const char *message)
{
	fetch_end_as(j, error, message, false);
}

struct profile_input
fetch_input(const struct fetch_job *j)
{
	return (struct profile_input){
		.now_ms = skew_apply(j->fetch->skew, clock_now_ms()),
		.cursor = j->cursor,
		.chat = j->q.chat,
		.known = j->known,
		.customer = j->customer,
		.replaces = j->replaces,
		.operator_id = j->operator_id,
		.since_ms = j->q.since_ms,
		.asked_ms = j->asked_ms,
		.before = j->rows,
	};
}

/* Sets j->url, host and request: 1; or 0: the profile asks nothing for the
 * question; or -1: it cannot be asked, *why. */
static int
prepare_request(struct fetch_job *j, struct buf *why)
{
	const struct tenant *t = j->fetch->tenant;
	struct profile_input in = fetch_input(j);
	struct profile_request *r = &j->request;
	const char *base;
	int rc;

	if (j->url != NULL) /* a retry, or after a redirect */
		return 1;
	j->asked_ms = in.now_ms;
	rc = profile_request(t->profile, j->q.call, &in, r, why);
	if (rc != 1)
		return rc;
	j->host = tenant_host(t, r->host);
	if (j->host == NULL) {
		buf_setf(why, "about.hosts has no '%s'", r->host);
		return -1;
	}
	if (j->host->headers == NULL) {
		buf_setf(why, "host '%s' is for webhooks alone", r->host);
		return -1;
	}
	base = j->host->base;
	j->url = r->is_url ? http_resolve(base, base, r->target, why)
			   : xasprintf("%s%s", base, r->target);
	return j->url == NULL ? -1 : 1;
}

static bool
is_too_late(const struct fetch_job *j)
{
	return j->q.until_ms != 0 &&
	       skew_apply(j->fetch->skew, clock_now_ms()) >= j->q.until_ms;
}

/* The address may be one that the CRM gave, with a token in it. */
static void
log_call(const struct fetch_job *j)
{
	struct buf url = BUF_INIT;

	buf_adds(&url, j->url);
	tenant_conceal(j->fetch->tenant, &url);
	log_debug("call", "tenant=%s method=%s url=%s", j->fetch->tenant->name,
	    j->request.method, buf_str(&url));
	buf_release(&url);
}

static void
send_job(struct fetch_job *j)
{
	struct fetch *f = j->fetch;
	const struct http_request r = { .url = j->url,
		.headers = j->host->headers,
		.method = j->request.method,
		.body = j->request.body,
		.body_len = j->request.body_len,
		.type = j->request.type,
		.once = j->q.changes,
		.limits = &f->tenant->limits,
		.in_flight = &f->in_flight_n,
		.ctx = j };

	j->asked = true;
	f->calls[j->q.call]++;
	TAILQ_INSERT_TAIL(&f->in_flight, j, link);
	log_call(j);
	http_start(f->http, &r);
}

/* Sends the job, or ends it. */
static void
start_job(struct fetch_job *j)
{
	struct buf why = BUF_INIT;
	int rc;

	if (j->q.optional && breaker_is_open(&j->fetch->breakers[j->q.call])) {
		fetch_end(j, ERROR_CLASS_LATER, "others could not be read");
		return;
	}
	rc = prepare_request(j, &why);
	if (rc < 0) {
		fetch_end(j, ERROR_CLASS_UNUSABLE, buf_str(&why));
	} else if (rc == 0) {
		fetch_end(j, ERROR_CLASS_NONE, NULL);
	} else if (is_too_late(j)) {
		fetch_end(
		    j, ERROR_CLASS_LATER, "it was due, and could not be asked");
	} else {
		send_job(j);
	}
	buf_release(&why);
}

/* Makes delayed jobs ready that are due. Milliseconds until the next one. */
static int64_t
wake_delayed(struct fetch *f, int64_t now)
{
	struct fetch_job *j, *next;
	int64_t wait = INT64_MAX;

	for (j = TAILQ_FIRST(&f->delayed); j != NULL; j = next) {
		next = TAILQ_NEXT(j, link);
		if (j->due_ms > now) {
			if (j->due_ms - now < wait)
				wait = j->due_ms - now;
			continue;
		}
		TAILQ_REMOVE(&f->delayed, j, link);
		fetch_ready(j);
	}
	return wait;
}

void
fetch_explain_hold(int64_t ms, struct buf *text)
{
	buf_addf(text, "%sit wants no call for %lld s",
	    text->len > 0 ? "; " : "", (long long)(ms / 1000));
}

/* Ends a question while the CRM wants no call for long; false: it waits. */
static bool
give_up_held(struct fetch_job *j, struct fetch_jobs *from, int64_t hold)
{
	struct buf text = BUF_INIT;

	if (!fetch_is_silenced(j->fetch, hold))
		return false;
	fetch_explain_hold(hold, &text);
	TAILQ_REMOVE(from, j, link);
	fetch_end(j, ERROR_CLASS_THROTTLED, buf_str(&text));
	buf_release(&text);
	return true;
}

int64_t
fetch_step(struct fetch *f)
{
	int64_t now = clock_mono_ms(), wait = wake_delayed(f, now);
	struct fetch_jobs *from;
	struct fetch_job *j;

	while (f->in_flight_n < f->tenant->concurrency) {
		from = !TAILQ_EMPTY(&f->urgent) ? &f->urgent : &f->ready;
		j = TAILQ_FIRST(from);
		if (j == NULL)
			break;
		if (f->hold_until_ms > now) {
			/* Who was given up is not in the list any more. */
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
			if (give_up_held(j, from, f->hold_until_ms - now))
				continue;
			return f->hold_until_ms - now;
		}
		TAILQ_REMOVE(from, j, link);
		start_job(j);
	}
	return wait;
}

size_t
fetch_turn(struct http *http, struct fetch *const *all, size_t n)
{
	struct http_answer *a;
	int64_t wait = INT64_MAX, w;
	size_t i, left = 0;

	for (i = 0; i < n; i++) {
		w = fetch_step(all[i]);
		wait = w < wait ? w : wait;
		left += fetch_left(all[i]);
	}
	if (left > 0)
		http_wait(http, wait);
	while ((a = http_next(http)) != NULL)
		fetch_answer(a);
	return left;
}

static void
drop_jobs(struct fetch_jobs *jobs)
{
	struct fetch_job *j;

	while ((j = TAILQ_FIRST(jobs)) != NULL) {
		TAILQ_REMOVE(jobs, j, link);
		job_free(j);
	}
}

void
fetch_stop(struct fetch *f)
{
	const struct fetch_job *j;

	f->stopped = true;
	for (j = TAILQ_FIRST(&f->in_flight); j != NULL; j = TAILQ_NEXT(j, link))
		f->results[CALL_FAILED]++;
	http_cancel(f->http, &f->in_flight_n);
	drop_jobs(&f->urgent);
	drop_jobs(&f->ready);
	drop_jobs(&f->delayed);
	drop_jobs(&f->in_flight);
}

void
fetch_free(struct fetch *f)
{
	size_t i;

	if (f == NULL)
		return;
	fetch_stop(f);
	for (i = 0; i < PROFILE_CALLS; i++)
		breaker_close(&f->breakers[i]);
	free(f);
}

size_t
fetch_left(const struct fetch *f)
{
	return f->left;
}

const uint64_t *
fetch_calls(const struct fetch *f)
{
	return f->calls;
}

const uint64_t *
fetch_results(const struct fetch *f)
{
	return f->results;
}

size_t
fetch_refused(const struct fetch *f, enum profile_call call)
{
	return f->refused[call];
}

bool
fetch_lists_by_operator(const struct fetch *f)
{
	return profile_about(f->tenant->profile)->by_operator;
}

struct breaker *
fetch_breaker(struct fetch *f, enum profile_call call)
{
	return &f->breakers[call];
}

int64_t
fetch_hold_ms(const struct fetch *f)
{
	int64_t left = f->hold_until_ms - clock_mono_ms();

	return left > 0 ? left : 0;
}
