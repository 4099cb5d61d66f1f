/*
 * fetch: see fetch.h.
 *
 * A job is a question on its way: ready, delayed (it failed), flying, or in
 * hand while its answer is looked at. Delays are retry.c's, and the CRM's
 * wish (throttle.c) holds up all jobs.
 */
#define _DEFAULT_SOURCE /* sys/queue.h */

#include "poller/fetch.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/retry.h"
#include "common/xalloc.h"
#include "poller/paging.h"
#include "poller/throttle.h"

#define DELAY_BASE_MS 500
#define DELAY_CAP_MS 10000

/* Answers that nobody can use may be a proxy's hiccup: so often again. */
#define UNUSABLE_TRIES 3

#define REDIRECTS_MAX 3

/* Of a text that comes from outside, in a message. */
#define MESSAGE_MAX 200

struct job {
	TAILQ_ENTRY(job) link;
	struct fetch *fetch;
	struct question q;
	char *known, *customer, *operator_id, *replaces; /* q points to them */
	struct value *cursor;
	struct paging paging;
	/* Of the present page. */
	char *url;
	const struct tenant_host *host;
	struct profile_request request;
	unsigned redirects, failures;
	uint64_t answered_before; /* fetch->answered at the first failure */
	struct retry retry;
	int64_t due_ms; /* of a delayed one, monotonic */
};

TAILQ_HEAD(jobs, job);

struct fetch {
	struct http *http;
	const struct tenant *tenant;
	struct skew *skew;
	struct jobs urgent, ready, delayed, flying;
	size_t flying_n, left;
	uint64_t calls[PROFILE_CALLS], calls_left, answered;
	int64_t hold_until_ms; /* monotonic */
	bool stopped, warned_mended;
};

struct fetch *
fetch_new(struct http *h, const struct tenant *t, struct skew *skew)
{
	struct fetch *f = xcalloc(1, sizeof *f);

	f->http = h;
	f->tenant = t;
	f->skew = skew;
	f->calls_left = UINT64_MAX;
	TAILQ_INIT(&f->urgent);
	TAILQ_INIT(&f->ready);
	TAILQ_INIT(&f->delayed);
	TAILQ_INIT(&f->flying);
	return f;
}

void
fetch_limit(struct fetch *f, uint64_t calls)
{
	f->calls_left = calls;
}

static void
forget_request(struct job *j)
{
	free(j->url);
	j->url = NULL;
	profile_request_release(&j->request);
}

static void
job_free(struct job *j)
{
	j->fetch->left--;
	value_unref(j->q.chat);
	value_unref(j->cursor);
	paging_release(&j->paging);
	free(j->known);
	free(j->customer);
	free(j->replaces);
	free(j->operator_id);
	forget_request(j);
	free(j);
}

static void
make_ready(struct job *j)
{
	if (j->q.urgent)
		TAILQ_INSERT_TAIL(&j->fetch->urgent, j, link);
	else
		TAILQ_INSERT_TAIL(&j->fetch->ready, j, link);
}

void
fetch_ask(struct fetch *f, const struct question *q)
{
	struct job *j;

	if (f->stopped)
		return;
	j = xcalloc(1, sizeof *j);
	j->fetch = f;
	j->q = *q;
	j->q.chat = value_ref(q->chat);
	j->known = q->known != NULL ? xstrdup(q->known) : NULL;
	j->customer = q->customer != NULL ? xstrdup(q->customer) : NULL;
	j->replaces = q->replaces != NULL ? xstrdup(q->replaces) : NULL;
	j->operator_id =
	    q->operator_id != NULL ? xstrdup(q->operator_id) : NULL;
	j->retry = (struct retry)RETRY_INIT(
	    DELAY_BASE_MS, DELAY_CAP_MS, f->tenant->retry_budget_ms);
	f->left++;
	make_ready(j);
}

static void
end_as(struct job *j, enum fault fault, const char *message, bool maybe)
{
	const struct ending e = { fault, message,
		j->failures > 0 && j->fetch->answered == j->answered_before,
		maybe, skew_apply(j->fetch->skew, clock_now_ms()) };

	if (!j->fetch->stopped)
		j->q.end(j->q.ctx, &e);
	job_free(j);
}

static void
end(struct job *j, enum fault fault, const char *message)
{
	end_as(j, fault, message, false);
}

static struct profile_input
input_of(const struct job *j)
{
	return (struct profile_input){
		.now_ms = skew_apply(j->fetch->skew, clock_now_ms()),
		.cursor = j->cursor,
		.chat = j->q.chat,
		.known = j->known,
		.customer = j->customer,
		.replaces = j->replaces,
		.operator_id = j->operator_id,
	};
}

/* Sets j->url and what belongs to it. As profile_request(). */
static int
find_url(struct job *j, struct buf *why)
{
	const struct tenant *t = j->fetch->tenant;
	struct profile_input in = input_of(j);
	struct profile_request *r = &j->request;
	const char *base;
	int rc;

	if (j->url != NULL) /* again, or after a redirect */
		return 1;
	rc = profile_request(t->profile, j->q.call, &in, r, why);
	if (rc != 1)
		return rc;
	j->host = tenant_host(t, r->host);
	if (j->host == NULL) {
		buf_setf(why, "about.hosts has no '%s'", r->host);
		return -1;
	}
	base = j->host->base;
	j->url = r->is_url ? http_resolve(base, base, r->target, why)
			   : xasprintf("%s%s", base, r->target);
	return j->url == NULL ? -1 : 1;
}

static bool
is_too_late(const struct job *j)
{
	return j->q.until_ms != 0 &&
	       skew_apply(j->fetch->skew, clock_now_ms()) >= j->q.until_ms;
}

static void
start(struct job *j)
{
	struct fetch *f = j->fetch;
	struct http_request r = {
		.limits = &f->tenant->limits, .flying = &f->flying_n, .ctx = j
	};
	struct buf why = BUF_INIT;
	int rc = find_url(j, &why);

	if (rc < 0) {
		end(j, FAULT_UNUSABLE, buf_str(&why));
	} else if (rc == 0) {
		end(j, FAULT_NONE, NULL);
	} else if (is_too_late(j)) {
		end(j, FAULT_LATER, "it was due, and could not be asked");
	} else if (f->calls_left == 0) {
		end(j, FAULT_QUOTA, "the calls of [crm] budget are used up");
	} else {
		f->calls_left--;
		f->calls[j->q.call]++;
		TAILQ_INSERT_TAIL(&f->flying, j, link);
		r.url = j->url;
		r.headers = j->host->headers;
		r.method = j->request.method;
		r.body = j->request.body;
		r.body_len = j->request.body_len;
		r.type = j->request.type;
		r.once = j->q.changes;
		log_debug("call", "tenant=%s method=%s url=%s", f->tenant->name,
		    r.method, j->url);
		http_start(f->http, &r);
	}
	buf_release(&why);
}

/* Delayed jobs that are due become ready. Milliseconds until the next. */
static int64_t
wake(struct fetch *f, int64_t now)
{
	struct job *j, *next;
	int64_t wait = INT64_MAX;

	for (j = TAILQ_FIRST(&f->delayed); j != NULL; j = next) {
		next = TAILQ_NEXT(j, link);
		if (j->due_ms > now) {
			if (j->due_ms - now < wait)
				wait = j->due_ms - now;
			continue;
		}
		TAILQ_REMOVE(&f->delayed, j, link);
		make_ready(j);
	}
	return wait;
}

int64_t
fetch_step(struct fetch *f)
{
	int64_t now = clock_mono_ms(), wait = wake(f, now);
	struct jobs *from;
	struct job *j;

	while (f->flying_n < f->tenant->concurrency) {
		from = !TAILQ_EMPTY(&f->urgent) ? &f->urgent : &f->ready;
		j = TAILQ_FIRST(from);
		if (j == NULL)
			break;
		if (f->hold_until_ms > now)
			return f->hold_until_ms - now;
		TAILQ_REMOVE(from, j, link);
		start(j);
	}
	return wait;
}

/* Whether one more try makes sense; then *delay says when. */
static bool
may_retry(struct job *j, enum fault fault, int64_t hint, int64_t *delay)
{
	struct fetch *f = j->fetch;

	if (j->failures++ == 0)
		j->answered_before = f->answered;
	if (fault == FAULT_UNUSABLE && j->failures >= UNUSABLE_TRIES)
		return false;
	if (j->q.tries > 0 && j->failures >= j->q.tries &&
	    (j->q.impatient || f->answered > j->answered_before))
		return false;
	*delay = retry_next(&j->retry, hint);
	return *delay >= 0;
}

static void
retry_or_end(struct job *j, enum fault fault, int64_t hint, const char *text)
{
	int64_t delay;

	if (!may_retry(j, fault, hint, &delay)) {
		end(j, fault, text);
		return;
	}
	log_debug("retry", "tenant=%s what=%s in_ms=%lld reason='%s'",
	    j->fetch->tenant->name, profile_call_names[j->q.call],
	    (long long)delay, text);
	j->due_ms = clock_mono_ms() + delay;
	TAILQ_INSERT_TAIL(&j->fetch->delayed, j, link);
}

static void
hold(struct fetch *f, int64_t wait)
{
	int64_t until = clock_mono_ms() + wait;

	if (wait > 0 && until > f->hold_until_ms)
		f->hold_until_ms = until;
}

/* "HTTP 503: text"; under 2xx the text alone. */
static void
describe(const struct http_answer *a, const char *text, struct buf *out)
{
	size_t n = strnlen(text, MESSAGE_MAX);

	buf_clear(out);
	if (a->status < 200 || a->status > 299)
		buf_addf(
		    out, "it answers HTTP %d%s", a->status, n > 0 ? ": " : "");
	buf_add(out, text, n);
	if (out->len == 0)
		buf_adds(out, "it answers with an error");
}

/* An answer that is no JSON: what it is instead. */
static void
describe_body(const struct http_answer *a, const char *reason, struct buf *out)
{
	const char *body = buf_str(&a->body);
	size_t blank = strspn(body, " \t\r\n");

	if (a->status == 204 || body[blank] == '\0')
		buf_setf(out, "the answer is empty (HTTP %d)", a->status);
	else if (body[blank] == '<' ||
		 strncasecmp(a->told.content_type, "text/html", 9) == 0)
		buf_setf(out, "it answers with a web page (HTTP %d), not JSON",
		    a->status);
	else
		buf_setf(out, "the answer is no JSON: %s", reason);
}

/* One page that the profile could read. */
static void
good_page(struct job *j, struct profile_answer *a, int64_t sent_ms)
{
	struct fetch *f = j->fetch;
	struct buf why = BUF_INIT;
	struct value *next;

	f->answered++;
	if (paging_check(&j->paging, a,
		profile_about(f->tenant->profile)->max_pages, &why) != 0) {
		end(j, FAULT_UNUSABLE, buf_str(&why));
		buf_release(&why);
		return;
	}
	next = value_ref(a->next);
	j->q.page(j->q.ctx, a, skew_apply(f->skew, sent_ms));
	if (next == NULL || f->stopped) {
		end(j, FAULT_NONE, NULL);
		value_unref(next);
		return;
	}
	value_unref(j->cursor);
	j->cursor = next;
	forget_request(j);
	j->redirects = j->failures = 0;
	retry_reset(&j->retry);
	make_ready(j);
}

static void
bad_answer(struct job *j, const struct http_answer *h, struct profile_answer *a,
    bool json)
{
	struct fetch *f = j->fetch;
	bool refused = a->fault == FAULT_THROTTLED || h->status == 503;
	struct buf text = BUF_INIT;
	int64_t wait;

	if (json || h->status < 200 || h->status > 299)
		describe(h, buf_str(&a->message), &text);
	else
		buf_adds(&text, buf_str(&a->message));
	wait = throttle_wait(&h->told, refused, skew_apply(f->skew, h->got_ms),
	    profile_about(f->tenant->profile)->period_ms);
	hold(f, wait);
	if (wait > f->tenant->retry_budget_ms)
		buf_addf(&text, "; it wants no call for %lld s",
		    (long long)(wait / 1000));
	switch (a->fault) {
	case FAULT_LATER:
		if (j->q.changes) {
			end_as(j, a->fault, buf_str(&text), true);
			break;
		}
		retry_or_end(j, a->fault, wait, buf_str(&text));
		break;
	case FAULT_THROTTLED:
		retry_or_end(j, a->fault, wait, buf_str(&text));
		break;
	case FAULT_UNUSABLE:
		if (h->status >= 200 && h->status < 300 && j->q.changes) {
			end_as(j, a->fault, buf_str(&text), true);
			break;
		}
		if (h->status >= 200 && h->status < 300 && !a->unread) {
			retry_or_end(j, a->fault, -1, buf_str(&text));
			break;
		}
		end(j, a->fault, buf_str(&text));
		break;
	case FAULT_NONE:
	case FAULT_QUOTA:
	case FAULT_DENIED:
	case FAULT_GONE:
		end(j, a->fault, buf_str(&text));
		break;
	}
	buf_release(&text);
}

/* What the body says, if it is JSON, in *a. */
static bool
read_body(struct job *j, const struct http_answer *h, struct profile_answer *a)
{
	struct fetch *f = j->fetch;
	struct profile_input in = input_of(j);
	struct buf why = BUF_INIT;
	bool mended = false;
	struct value *v = NULL;

	if (h->status != 204)
		v = value_parse(buf_str(&h->body), h->body.len, &mended, &why);
	if (mended && !f->warned_mended) {
		f->warned_mended = true;
		log_warn("tenant %s: its CRM sends text that is no UTF-8; "
			 "U+FFFD stands for it",
		    f->tenant->name);
	}
	in.answer = v;
	in.status = h->status;
	if (v != NULL || h->status < 200 || h->status > 299) {
		profile_read(f->tenant->profile, j->q.call, &in, a);
	} else {
		*a = (struct profile_answer){ .fault = FAULT_UNUSABLE };
		describe_body(h, buf_str(&why), &a->message);
	}
	buf_release(&why);
	value_unref(v);
	return in.answer != NULL;
}

static bool
is_redirect(const struct http_answer *h)
{
	return h->redirect != NULL && (h->status == 301 || h->status == 302 ||
					  h->status == 307 || h->status == 308);
}

/* Followed on the same host only, for the token goes along; and only if it
 * was a GET, which any other may become on the way. */
static void
follow(struct job *j, const struct http_answer *h)
{
	struct buf why = BUF_INIT, text = BUF_INIT;
	char *url = NULL;

	if (strcmp(j->request.method, "GET") == 0)
		url = http_resolve(j->host->base, j->url, h->redirect, &why);
	else
		buf_setf(&why, "not a GET");
	if (url != NULL && ++j->redirects <= REDIRECTS_MAX) {
		free(j->url);
		j->url = url;
		make_ready(j);
		return;
	}
	if (url == NULL)
		buf_setf(&text, "it redirects, but %s", buf_str(&why));
	else
		buf_setf(&text, "it redirects without end");
	free(url);
	end(j, FAULT_UNUSABLE, buf_str(&text));
	buf_release(&text);
	buf_release(&why);
}

static void
answered(struct job *j, struct http_answer *h)
{
	struct fetch *f = j->fetch;
	struct profile_answer a;
	bool json;

	skew_learn(f->skew, h->sent_ms, h->got_ms, h->told.date_ms);
	if (is_redirect(h)) {
		follow(j, h);
		return;
	}
	json = read_body(j, h, &a);
	if (a.fault != FAULT_NONE) {
		bad_answer(j, h, &a, json);
	} else {
		hold(f, throttle_wait(&h->told, false,
			    skew_apply(f->skew, h->got_ms),
			    profile_about(f->tenant->profile)->period_ms));
		good_page(j, &a, h->sent_ms);
	}
	profile_answer_release(&a);
}

void
fetch_answer(struct http_answer *h)
{
	struct job *j = h->ctx;

	TAILQ_REMOVE(&j->fetch->flying, j, link);
	switch (h->outcome) {
	case HTTP_ANSWERED:
		answered(j, h);
		break;
	case HTTP_LATER:
		if (j->q.changes && !h->unsent)
			end_as(j, FAULT_LATER, buf_str(&h->reason), true);
		else
			retry_or_end(j, FAULT_LATER, -1, buf_str(&h->reason));
		break;
	case HTTP_NEVER:
	case HTTP_TOO_LONG:
		end_as(j, FAULT_UNUSABLE, buf_str(&h->reason),
		    j->q.changes && !h->unsent);
		break;
	}
	http_answer_free(h);
}

static void
forget(struct jobs *jobs)
{
	struct job *j;

	while ((j = TAILQ_FIRST(jobs)) != NULL) {
		TAILQ_REMOVE(jobs, j, link);
		job_free(j);
	}
}

void
fetch_stop(struct fetch *f)
{
	f->stopped = true;
	http_cancel(f->http, &f->flying_n);
	forget(&f->urgent);
	forget(&f->ready);
	forget(&f->delayed);
	forget(&f->flying);
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	fetch_stop(f);
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

int64_t
fetch_held(const struct fetch *f)
{
	int64_t left = f->hold_until_ms - clock_mono_ms();

	return left > 0 ? left : 0;
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
