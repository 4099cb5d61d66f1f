/*
 * fetch: see fetch.h. First the queues of questions and how they are sent, then
 * the answers: each is a page of its question, its end, or a retry
 * (may_retry()). A question that changes the CRM is retried only if the change
 * is known not to have been made.
 *
 * A job is a question that has not ended: it is ready (or urgent), delayed
 * after a failure, in flight, or in none of these queues while its answer is
 * handled. Throttling by the CRM (throttle_wait()) delays all jobs.
 */
#define _DEFAULT_SOURCE /* sys/queue.h */
#include "poller/crm/fetch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/digest/hash.h"
#include "common/os/retry.h"
#include "poller/crm/failure.h"
#include "poller/crm/json_read.h"
#include "poller/crm/profile.h"

/* The time between two log lines about retries. */
#define RETRY_LOG_MS 5000

/* Guarantees that a question's pages end, whatever the CRM answers: a repeated
 * page or cursor is an error, and so are more than PAGES_MAX pages. Otherwise
 * the profile decides where the pages end (next). */
struct paging_guard {
	struct strmap visited; /* cursors and hashes of pages */
	unsigned pages;
	bool moved; /* rows moved during the last page, which may be repeated */
};

struct fetch_job {
	TAILQ_ENTRY(fetch_job) link;
	struct fetch *fetch;
	struct crm_question q;
	char *item; /* as in q */
	json_t *cursor;
	struct paging_guard paging;
	struct profile_rows rows; /* of all pages so far */
	/* For the current page. */
	char *url;
	const struct tenant_host *host;
	struct profile_request request;
	int64_t asked_ms; /* now_ms in its request */
	unsigned failures;
	bool refused;   /* denied, but perhaps only for this item: the answer
			 * does not mention the token */
	size_t missing; /* see struct ending */
	bool asked;     /* a request was sent, for this page or another */
	uint64_t answered_before; /* fetch->answered at the first failure */
	struct retry retry;
	int64_t due_ms; /* end of its delay, monotonic */
};

TAILQ_HEAD(fetch_jobs, fetch_job);

struct fetch {
	struct http *http;
	const struct tenant *tenant;
	struct skew *skew;
	struct fetch_jobs urgent, ready, delayed, in_flight;
	size_t in_flight_n, left;
	uint64_t calls[PROFILE_CALLS], results[CALL_RESULTS];
	uint64_t answered; /* pages of all questions */
	struct breaker breakers[PROFILE_CALLS];
	size_t refused[PROFILE_CALLS]; /* items */
	int64_t hold_until_ms;         /* monotonic */
	bool stopped;
	size_t odd;      /* records that were partly unreadable */
	char *first_odd; /* the first of them, and why; NULL: none */
};

/* True if a pause is longer than [poller] retry_budget. */
static inline bool
fetch_is_silenced(const struct fetch *f, int64_t ms)
{
	return ms > f->tenant->retry_budget_ms;
}

/* ---- fetch ---- */

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

/* Frees the request, so that the next start asks the profile for a new one. */
static void
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
	json_decref(j->q.with);
	json_decref(j->cursor);
	strmap_release(&j->paging.visited, NULL);
	free(j->item);
	fetch_drop_request(j);
	free(j);
}

/* Queues the job to be sent. */
static void
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

	if (f->stopped) {
		json_decref(q->with);
		return;
	}
	j = xcalloc(1, sizeof *j);
	j->fetch = f;
	j->q = *q;
	j->item = q->item != NULL ? xstrdup(q->item) : NULL;
	j->retry = (struct retry)RETRY_INIT(
	    DELAY_BASE_MS, DELAY_CAP_MS, f->tenant->retry_budget_ms);
	f->left++;
	fetch_ready(j);
}

/* Counts the end of a question, and returns whose failure it was. */
static enum failure
judge(struct fetch_job *j, enum error_class error, bool silenced)
{
	struct fetch *f = j->fetch;
	struct breaker *b = &f->breakers[j->q.call];
	bool silent = error == ERROR_CLASS_LATER && !j->q.at_once &&
		      j->failures > 0 && f->answered == j->answered_before;

	if (j->item == NULL)
		return failure_whose(error, true, false);
	/* A listed chat must have messages. */
	if (error == ERROR_CLASS_NONE ||
	    (error == ERROR_CLASS_GONE && j->q.call != PROFILE_MESSAGES))
		breaker_close(b);
	else if (silenced)
		breaker_fail(b, j->item, FAILURE_OPEN);
	else if (silent)
		breaker_fail(b, j->item, FAILURE_SILENT);
	else if (j->q.weight != FAILURE_ALONE)
		breaker_fail(b, j->item, j->q.weight);
	else if (!failure_passes(error)) /* the CRM answers */
		breaker_close(b);
	f->refused[j->q.call] += j->refused;
	return failure_whose(
	    error, breaker_is_open(b) && !j->q.optional, j->refused);
}

static void
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
	if (!f->stopped && j->q.end != NULL)
		j->q.end(j->q.ctx, &e);
	buf_release(&text);
	job_free(j);
}

/* Calls the end of the question and frees the job. maybe: see struct ending. */
static void
fetch_end(struct fetch_job *j, enum error_class error, const char *message)
{
	fetch_end_as(j, error, message, false);
}

/* Returns the arguments of the question for the profile. */
static struct profile_input
fetch_input(const struct fetch_job *j)
{
	return (struct profile_input){
		.now_ms = skew_apply(j->fetch->skew, clock_now_ms()),
		.asked_ms = j->asked_ms,
		.cursor = j->cursor,
		.with = j->q.with,
		.before = j->rows,
	};
}

/* Sets j->url, host and request. Returns 1; 0 if the profile has no request for
 * the question; -1 and *why if it cannot be asked. */
static int
prepare_request(struct fetch_job *j, struct buf *why)
{
	const struct tenant *t = j->fetch->tenant;
	struct profile_input in = fetch_input(j);
	struct profile_request *r = &j->request;
	int rc;

	if (j->url != NULL) /* a retry */
		return 1;
	j->asked_ms = in.now_ms;
	rc = profile_request(t->profile, j->q.call, &in, r, why);
	if (rc != 1)
		return rc;
	j->host = tenant_host(t, r->host);
	if (j->host == NULL) {
		buf_setf(why, "about.hosts lacks '%s'", r->host);
		return -1;
	}
	if (j->host->headers == NULL) {
		buf_setf(why, "host '%s' is only for webhooks", r->host);
		return -1;
	}
	j->url = xasprintf("%s%s", j->host->base, r->target);
	return 1;
}

static bool
is_too_late(const struct fetch_job *j)
{
	return j->q.until_ms != 0 &&
	       skew_apply(j->fetch->skew, clock_now_ms()) >= j->q.until_ms;
}

/* The address may come from the CRM and contain a token. */
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
		.type = j->request.type,
		.once = j->q.changes,
		.limits = &f->tenant->limits,
		.in_flight = &f->in_flight_n,
		.ctx = j };

	j->asked = true;
	f->calls[j->q.call]++;
	f->results[CALL_PENDING]++;
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
		fetch_end(
		    j, ERROR_CLASS_LATER, "other chats could not be read");
		return;
	}
	rc = prepare_request(j, &why);
	if (rc < 0) {
		fetch_end(j, ERROR_CLASS_UNUSABLE, buf_str(&why));
	} else if (rc == 0) {
		fetch_end(j, ERROR_CLASS_NONE, NULL);
	} else if (is_too_late(j)) {
		fetch_end(
		    j, ERROR_CLASS_LATER, "no time was left to ask the CRM");
	} else {
		send_job(j);
	}
	buf_release(&why);
}

/* Moves due jobs from the delayed queue to the ready queue. Returns the
 * milliseconds until the next job is due. */
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

/* Appends how long the CRM will not accept calls. */
static void
fetch_explain_hold(int64_t ms, struct buf *text)
{
	buf_addf(text, "%sthe CRM accepts no calls for %lld s",
	    text->len > 0 ? "; " : "", (long long)(ms / 1000));
}

/* Ends a question if the CRM accepts no calls for long; returns false if it
 * waits. */
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

/* Sends what may be sent now. Returns the milliseconds until more may be sent;
 * INT64_MAX if that only depends on answers. */
static int64_t
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
			/* give_up_held() has already removed j. */
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
	f->stopped = true;
	f->results[CALL_FAILED] += f->results[CALL_PENDING];
	f->results[CALL_PENDING] = 0;
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
	free(f->first_odd);
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

void
fetch_warn_odd(const struct fetch *f)
{
	if (f->odd > 0)
		log_warn(
		    "tenant %s: %zu records from the CRM are partly "
		    "unreadable; invalid fields were skipped; the first: %s",
		    f->tenant->name, f->odd, f->first_odd);
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

/* ---- answers ---- */

#define PAGES_MAX 10000

/* Maximum number of bytes quoted from the CRM in a message. */
#define MESSAGE_MAX 200

/* Adds the key; returns true if it existed already. */
static bool
was_visited(struct paging_guard *p, const struct buf *key)
{
	void **v = strmap_put(&p->visited, buf_str(key), key->len);
	bool before = *v != NULL;

	*v = p;
	return before;
}

/* Returns 0; or -1 and *why if the page or cursor was seen before, or if there
 * are too many pages. */
static int
check_paging(
    struct paging_guard *p, const struct profile_answer *a, struct buf *why)
{
	struct buf page = BUF_INIT, cursor = BUF_INIT;
	bool moved = p->moved;
	uint64_t sum = 0;
	size_t i;

	p->pages++;
	p->moved = a->moved;
	/* Most questions have one page, so hashing is not needed. */
	if (p->pages == 1 && a->next == NULL)
		return 0;
	for (i = 0; i < a->n; i++)
		sum = checksum(
		    sum, a->records[i].body, strlen(a->records[i].body));
	buf_addf(&page, "page %llu", (unsigned long long)sum);
	buf_adds(&cursor, "cursor ");
	value_dump(a->next, &cursor);
	if (a->n > 0 && was_visited(p, &page) && !moved)
		buf_setf(why, "page %u repeats an earlier page", p->pages);
	else if (a->next != NULL && was_visited(p, &cursor))
		buf_setf(
		    why, "page %u links back to an earlier page", p->pages);
	else if (a->next != NULL && p->pages >= PAGES_MAX)
		buf_setf(why, "there are more than %d pages", PAGES_MAX);
	buf_release(&page);
	buf_release(&cursor);
	return why->len > 0 ? -1 : 0;
}

/* True if a page that ended in an error should be requested again, after *delay
 * ms. tries: the maximum number of attempts, 0: as long as the retry budget
 * lasts. hint: the wait that the CRM requested in ms, or -1. */
static bool
may_retry(struct fetch_job *j, unsigned tries, int64_t hint, int64_t *delay)
{
	const struct fetch *f = j->fetch;

	if (j->failures++ == 0)
		j->answered_before = f->answered;
	if (tries > 0 && j->failures >= tries)
		return false;
	if (j->q.tries > 0 && j->failures >= j->q.tries &&
	    (j->q.at_once || f->answered > j->answered_before))
		return false;
	*delay = retry_next(&j->retry, hint);
	return *delay >= 0;
}

static void
retry_or_end(struct fetch_job *j, enum error_class error, unsigned tries,
    int64_t hint, const char *text)
{
	static atomic_llong due;
	int64_t delay;

	if (!may_retry(j, tries, hint, &delay)) {
		fetch_end(j, error, text);
		return;
	}
	/* Otherwise, people in a terminal would wait without a word. */
	log_event(
	    log_is_due(&due, RETRY_LOG_MS) ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
	    "retry", "tenant=%s what=%s in_ms=%lld reason='%s'",
	    j->fetch->tenant->name, profile_call_names[j->q.call],
	    (long long)delay, text);
	/* The other questions would be refused, too. */
	if (error == ERROR_CLASS_THROTTLED)
		fetch_hold(j->fetch, delay);
	j->due_ms = clock_mono_ms() + delay;
	TAILQ_INSERT_TAIL(&j->fetch->delayed, j, link);
}

/* Writes "the CRM answered HTTP 503: text"; for 2xx only the text. */
static void
describe_error(const struct http_answer *a, const char *text, struct buf *out)
{
	size_t n = strnlen(text, MESSAGE_MAX);

	buf_clear(out);
	if (!http_is_success(a))
		buf_addf(out, "the CRM answered HTTP %d%s", a->status,
		    n > 0 ? ": " : "");
	buf_add(out, text, n);
	if (out->len == 0)
		buf_adds(out, "the CRM reported an error");
}

static bool
is_web_page(const struct http_answer *a)
{
	const char *body = buf_str(&a->body);

	return body[strspn(body, " \t\r\n")] == '<' ||
	       strncasecmp(
		   a->headers.value[HTTP_CONTENT_TYPE], "text/html", 9) == 0;
}

/* Describes an answer that is not JSON. */
static void
describe_body(const struct http_answer *a, const char *reason, struct buf *out)
{
	const char *body = buf_str(&a->body);
	size_t blank = strspn(body, " \t\r\n");

	if (a->status == 204 || body[blank] == '\0')
		buf_setf(out, "the CRM's answer is empty (HTTP %d)", a->status);
	else if (is_web_page(a))
		buf_setf(out,
		    "the CRM answered with a web page (HTTP %d) instead of "
		    "JSON",
		    a->status);
	else
		buf_setf(out, "the CRM's answer is not JSON: %s", reason);
}

/* Handles a page that the profile could read. */
static void
good_page(struct fetch_job *j, struct profile_answer *a, int64_t sent_ms)
{
	struct fetch *f = j->fetch;
	struct buf why = BUF_INIT;
	json_t *next;

	f->answered++;
	f->odd += a->odd;
	if (a->odd > 0 && f->first_odd == NULL)
		f->first_odd = xstrdup(buf_str(&a->first_odd));
	if (check_paging(&j->paging, a, &why) != 0) {
		fetch_end(j, ERROR_CLASS_UNUSABLE, buf_str(&why));
		buf_release(&why);
		return;
	}
	next = json_incref(a->next);
	j->rows = a->rows;
	if (j->q.page != NULL)
		j->q.page(j->q.ctx, a, skew_apply(f->skew, sent_ms));
	if (next == NULL || f->stopped) {
		fetch_end(j, ERROR_CLASS_NONE, NULL);
		json_decref(next);
		return;
	}
	json_decref(j->cursor);
	j->cursor = next;
	fetch_drop_request(j);
	j->failures = 0;
	retry_reset(&j->retry);
	fetch_ready(j);
}

/* Returns how often a page is requested, depending on its answer. An error
 * status is deliberate, and so is the absence of a chat, unless the list has
 * just shown it. */
static unsigned
tries_of(const struct fetch_job *j, const struct http_answer *h,
    const struct profile_answer *a)
{
	if (a->error == ERROR_CLASS_UNUSABLE &&
	    (!http_is_success(h) || a->unread))
		return 1;
	if (a->error == ERROR_CLASS_GONE && j->q.call != PROFILE_MESSAGES)
		return 1;
	return failure_tries(a->error);
}

/* Retries or ends a question whose answer was an error. told: the answer itself
 * reports the error, so nothing was changed. wait: how long the CRM throttles,
 * or -1. */
static void
retry_error(struct fetch_job *j, const struct http_answer *h,
    const struct profile_answer *a, bool told, int64_t wait, const char *text)
{
	bool maybe =
	    a->error == ERROR_CLASS_LATER ||
	    (a->error == ERROR_CLASS_UNUSABLE && http_is_success(h) && !told);

	if (j->q.changes && maybe)
		fetch_end_as(j, a->error, text, true);
	else
		retry_or_end(j, a->error, tries_of(j, h, a), wait, text);
}

/* "oken" also matches Token. If the token itself is refused from now on, the
 * next run's lists are refused, too. */
static bool
is_refused_alone(const struct http_answer *h, const struct profile_answer *a)
{
	const char *said = buf_str(&a->message);

	return a->error == ERROR_CLASS_DENIED &&
	       (a->alone || (h->status == 403 && strstr(said, "oken") == NULL &&
				strstr(said, "OKEN") == NULL));
}

/* Returns how long the CRM throttles from now on, or -1 if its headers do not
 * state it. */
static int64_t
wait_of(const struct fetch *f, const struct http_answer *h,
    enum throttle_case answer)
{
	return throttle_wait(&h->headers, answer,
	    skew_apply(f->skew, h->got_ms),
	    profile_about(f->tenant->profile)->period_ms);
}

/* Handles an answer in which the profile found an error, or that it could not
 * read. */
static void
bad_answer(struct fetch_job *j, const struct http_answer *h,
    struct profile_answer *a, bool json)
{
	struct fetch *f = j->fetch;
	struct buf text = BUF_INIT;
	int64_t wait;

	tenant_conceal(f->tenant, &a->message);
	j->refused = is_refused_alone(h, a);
	j->missing = a->missing;
	if (json || !http_is_success(h))
		describe_error(h, buf_str(&a->message), &text);
	else
		buf_adds(&text, buf_str(&a->message));
	wait = wait_of(f, h,
	    a->error == ERROR_CLASS_THROTTLED ? THROTTLE_REFUSED
	    : h->status == 503                ? THROTTLE_BUSY
					      : THROTTLE_GIVEN);
	fetch_hold(f, wait);
	if (fetch_is_silenced(f, wait))
		fetch_explain_hold(wait, &text);
	retry_error(j, h, a, json && !a->unread, wait, buf_str(&text));
	buf_release(&text);
}

/* A CRM refuses a token in JSON; a web page with that status is from a firewall
 * or a proxy in front of the CRM, and says nothing about the token. */
static void
blame_firewall(const struct http_answer *h, struct profile_answer *a)
{
	if (a->error != ERROR_CLASS_DENIED || !is_web_page(h))
		return;
	a->error = ERROR_CLASS_UNUSABLE;
	buf_setf(&a->message, "a web page instead of JSON; a firewall or proxy "
			      "in front of the CRM may refuse this machine");
}

/* Lets the profile read the body into *a. Returns true if the body is JSON. */
static bool
read_answer_body(
    struct fetch_job *j, const struct http_answer *h, struct profile_answer *a)
{
	struct profile_input in = fetch_input(j);
	struct buf why = BUF_INIT;
	json_t *v = NULL;

	if (h->status != 204)
		v = json_read_repaired(buf_str(&h->body), h->body.len, &why);
	in.answer = v;
	in.status = h->status;
	if (v != NULL || !http_is_success(h) || j->q.call == PROFILE_HOOK_ADD ||
	    j->q.call == PROFILE_HOOK_REMOVE) {
		profile_read(j->fetch->tenant->profile, j->q.call, &in, a);
		if (v == NULL)
			blame_firewall(h, a);
	} else {
		*a = (struct profile_answer){ .error = ERROR_CLASS_UNUSABLE };
		describe_body(h, buf_str(&why), &a->message);
	}
	buf_release(&why);
	json_decref(v);
	return in.answer != NULL;
}

static void
count_result(struct fetch *f, enum call_result result)
{
	f->results[CALL_PENDING]--;
	f->results[result]++;
}

/* Redirects are not followed, because the token would be sent along, and a POST
 * might become a GET. */
static void
refuse_redirect(struct fetch_job *j, const struct http_answer *h)
{
	struct buf text = BUF_INIT;

	buf_setf(&text, "the CRM redirects to '%s'; redirects are not followed",
	    h->redirect);
	count_result(j->fetch, CALL_FAILED);
	fetch_end(j, ERROR_CLASS_UNUSABLE, buf_str(&text));
	buf_release(&text);
}

static void
handle_answer(struct fetch_job *j, struct http_answer *h)
{
	struct fetch *f = j->fetch;
	struct profile_answer a;
	bool json;

	skew_update(f->skew, h->sent_ms, h->got_ms, h->headers.date_ms);
	if (h->redirect != NULL) {
		refuse_redirect(j, h);
		return;
	}
	json = read_answer_body(j, h, &a);
	count_result(f, failure_result(a.error));
	if (a.error != ERROR_CLASS_NONE) {
		bad_answer(j, h, &a, json);
	} else {
		fetch_hold(f, wait_of(f, h, THROTTLE_GIVEN));
		good_page(j, &a, h->sent_ms);
	}
	profile_answer_release(&a);
}

/* Handles and frees an answer. */
static void
fetch_answer(struct http_answer *h)
{
	struct fetch_job *j = h->ctx;

	TAILQ_REMOVE(&j->fetch->in_flight, j, link);
	if (h->outcome != HTTP_ANSWERED)
		count_result(j->fetch, CALL_FAILED);
	switch (h->outcome) {
	case HTTP_ANSWERED:
		handle_answer(j, h);
		break;
	case HTTP_LATER:
		if (j->q.changes && !h->not_sent)
			fetch_end_as(
			    j, ERROR_CLASS_LATER, buf_str(&h->reason), true);
		else
			retry_or_end(
			    j, ERROR_CLASS_LATER, 0, -1, buf_str(&h->reason));
		break;
	case HTTP_NEVER:
		fetch_end_as(j, ERROR_CLASS_UNUSABLE, buf_str(&h->reason),
		    j->q.changes && !h->not_sent);
		break;
	}
	http_answer_free(h);
}

size_t
fetch_turn(
    struct http *http, struct fetch *const *all, size_t n, int64_t wait_ms)
{
	struct http_answer *a;
	size_t i, left = 0;
	int64_t w;

	for (i = 0; i < n; i++) {
		w = fetch_step(all[i]);
		wait_ms = w < wait_ms ? w : wait_ms;
		left += fetch_left(all[i]);
	}
	if (left > 0)
		http_wait(http, wait_ms);
	while ((a = http_next(http)) != NULL)
		fetch_answer(a);
	return left;
}

/* ---- skew ---- */

/* A Date of 10:00:05 means 10:00:05.000 to 10:00:05.999; clocks within a second
 * of that count as equal. */
#define EARLY_MS 1000
#define LATE_MS 2000
/* A Date so far ahead must be wrong. It would reach the state, and
 * until that time, all snapshots would be refused as ahead. */
#define ABSURD_MS (365 * DAY_MS)

void
skew_update(struct skew *s, int64_t sent_ms, int64_t got_ms, int64_t date_ms)
{
	if (date_ms == CLOCK_NONE || date_ms - got_ms > ABSURD_MS)
		return;
	s->known = true;
	if (got_ms >= date_ms - EARLY_MS && sent_ms <= date_ms + LATE_MS)
		s->offset_ms = 0;
	else
		s->offset_ms =
		    date_ms + 500 - (sent_ms + (got_ms - sent_ms) / 2);
}

int64_t
skew_apply(const struct skew *s, int64_t ours_ms)
{
	return ours_ms + s->offset_ms;
}
