/*
 * fetch_answer: handles an answer: as a page of its question, as its end, or as
 * a retry (whether and when: may_retry). A question that changes the CRM is
 * retried only when the change is known not to have been made.
 */
#define _DEFAULT_SOURCE /* sys/queue.h */

#include "poller/client/fetch_impl.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "poller/client/throttle.h"

#define REDIRECTS_MAX 3

/* Bytes of the CRM's text in a message. */
#define MESSAGE_MAX 200

/* Whether to try a page once more that ended in an error; if so after *delay
 * ms. tries: how often it may be tried, 0: while the retry budget lasts. hint:
 * the CRM's own wait in ms, or -1. */
static bool
may_retry(struct fetch_job *j, enum error_class error, unsigned tries,
    int64_t hint, int64_t *delay)
{
	const struct fetch *f = j->fetch;

	if (j->failures++ == 0)
		j->answered_before = f->answered;
	if (tries > 0 && j->failures >= tries)
		return false;
	if (error == ERROR_CLASS_SHORT && j->missing <= j->q.take_short)
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
	int64_t delay;

	if (!may_retry(j, error, tries, hint, &delay)) {
		fetch_end(j, error, text);
		return;
	}
	log_debug("retry", "tenant=%s what=%s in_ms=%lld reason='%s'",
	    j->fetch->tenant->name, profile_call_names[j->q.call],
	    (long long)delay, text);
	/* The others would be refused, too. */
	if (error == ERROR_CLASS_THROTTLED)
		fetch_hold(j->fetch, delay);
	j->due_ms = clock_mono_ms() + delay;
	TAILQ_INSERT_TAIL(&j->fetch->delayed, j, link);
}

static bool
is_success(const struct http_answer *h)
{
	return h->status >= 200 && h->status < 300;
}

/* "it answers HTTP 503: text"; for 2xx the text alone. */
static void
describe_error(const struct http_answer *a, const char *text, struct buf *out)
{
	size_t n = strnlen(text, MESSAGE_MAX);

	buf_clear(out);
	if (!is_success(a))
		buf_addf(
		    out, "it answers HTTP %d%s", a->status, n > 0 ? ": " : "");
	buf_add(out, text, n);
	if (out->len == 0)
		buf_adds(out, "it answers with an error");
}

/* Says what an answer is that is not JSON. */
static void
describe_body(const struct http_answer *a, const char *reason, struct buf *out)
{
	const char *body = buf_str(&a->body);
	size_t blank = strspn(body, " \t\r\n");

	if (a->status == 204 || body[blank] == '\0')
		buf_setf(out, "the answer is empty (HTTP %d)", a->status);
	else if (body[blank] == '<' ||
		 strncasecmp(a->headers.content_type, "text/html", 9) == 0)
		buf_setf(out, "it answers with a web page (HTTP %d), not JSON",
		    a->status);
	else
		buf_setf(out, "the answer is not JSON: %s", reason);
}

/* Handles a page that the profile could read. */
static void
good_page(struct fetch_job *j, struct profile_answer *a, int64_t sent_ms)
{
	struct fetch *f = j->fetch;
	struct buf why = BUF_INIT;
	struct value *next;

	f->answered++;
	if (paging_guard_check(&j->paging, a,
		profile_about(f->tenant->profile)->max_pages, &why) != 0) {
		fetch_end(j, ERROR_CLASS_UNUSABLE, buf_str(&why));
		buf_release(&why);
		return;
	}
	next = value_ref(a->next);
	j->rows = a->rows;
	j->q.page(j->q.ctx, a, skew_apply(f->skew, sent_ms));
	if (next == NULL || f->stopped) {
		fetch_end(j, ERROR_CLASS_NONE, NULL);
		value_unref(next);
		return;
	}
	value_unref(j->cursor);
	j->cursor = next;
	fetch_drop_request(j);
	j->redirects = j->failures = 0;
	retry_reset(&j->retry);
	fetch_ready(j);
}

/* How often a page is asked for, by its answer. An error status is meant, and
 * so is that a chat is not there, unless the list has just shown it. */
static unsigned
tries_of(const struct fetch_job *j, const struct http_answer *h,
    const struct profile_answer *a)
{
	if (a->error == ERROR_CLASS_UNUSABLE && (!is_success(h) || a->unread))
		return 1;
	if (a->error == ERROR_CLASS_GONE && j->q.call != PROFILE_MESSAGES)
		return 1;
	return failure_tries(a->error);
}

/* Retries or ends a question whose answer was an error. told: the answer itself
 * says so, and so that nothing was changed. wait: how long the CRM throttles,
 * or -1. */
static void
retry_error(struct fetch_job *j, const struct http_answer *h,
    const struct profile_answer *a, bool told, int64_t wait, const char *text)
{
	bool maybe =
	    a->error == ERROR_CLASS_LATER ||
	    (a->error == ERROR_CLASS_UNUSABLE && is_success(h) && !told);

	if (j->q.changes && maybe)
		fetch_end_as(j, a->error, text, true);
	else
		retry_or_end(j, a->error, tries_of(j, h, a), wait, text);
}

/* "oken" is Token, too. If it is refused from now on all the same, the next
 * run's lists are. */
static bool
is_refused_alone(const struct http_answer *h, const struct profile_answer *a)
{
	const char *said = buf_str(&a->message);

	return a->error == ERROR_CLASS_DENIED &&
	       (a->alone || (h->status == 403 && strstr(said, "oken") == NULL &&
				strstr(said, "OKEN") == NULL));
}

/* How long the CRM throttles from now on, or -1: its headers do not say. */
static int64_t
wait_of(const struct fetch *f, const struct http_answer *h,
    enum throttle_case answer)
{
	return throttle_wait(&h->headers, answer,
	    skew_apply(f->skew, h->got_ms),
	    profile_about(f->tenant->profile)->period_ms);
}

static enum throttle_case
throttle_case_of(const struct http_answer *h, const struct profile_answer *a)
{
	if (a->error == ERROR_CLASS_THROTTLED)
		return THROTTLE_REFUSED;
	return h->status == 503 ? THROTTLE_BUSY : THROTTLE_GIVEN;
}

/* An answer in which the profile found an error, or that it could not read. */
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
	if (json || !is_success(h))
		describe_error(h, buf_str(&a->message), &text);
	else
		buf_adds(&text, buf_str(&a->message));
	wait = wait_of(f, h, throttle_case_of(h, a));
	fetch_hold(f, wait);
	if (fetch_is_silenced(f, wait))
		fetch_explain_hold(wait, &text);
	retry_error(j, h, a, json && !a->unread, wait, buf_str(&text));
	buf_release(&text);
}

/* Lets the profile read the body into *a. True if the body is JSON. */
static bool
read_answer_body(
    struct fetch_job *j, const struct http_answer *h, struct profile_answer *a)
{
	struct fetch *f = j->fetch;
	struct profile_input in = fetch_input(j);
	struct buf why = BUF_INIT;
	bool repaired = false;
	struct value *v = NULL;

	if (h->status != 204)
		v = value_parse(
		    buf_str(&h->body), h->body.len, &repaired, &why);
	if (repaired && !f->warned_repaired) {
		f->warned_repaired = true;
		log_warn("tenant %s: its CRM sends text that is not UTF-8; "
			 "U+FFFD stands for it",
		    f->tenant->name);
	}
	in.answer = v;
	in.status = h->status;
	if (v != NULL || !is_success(h)) {
		profile_read(f->tenant->profile, j->q.call, &in, a);
	} else {
		*a = (struct profile_answer){ .error = ERROR_CLASS_UNUSABLE };
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

/* Only on the same host, because the token is sent along; and only for a GET,
 * because a redirect may turn any other method into one. */
static void
follow_redirect(struct fetch_job *j, const struct http_answer *h)
{
	struct buf why = BUF_INIT, text = BUF_INIT;
	char *url = NULL;

	if (strcmp(j->request.method, "GET") == 0)
		url = http_resolve(j->host->base, j->url, h->redirect, &why);
	else
		buf_setf(&why, "not a GET");
	if (url != NULL && ++j->redirects <= REDIRECTS_MAX) {
		j->fetch->results[CALL_OK]++;
		free(j->url);
		j->url = url;
		fetch_ready(j);
		return;
	}
	if (url == NULL)
		buf_setf(&text, "it redirects, but %s", buf_str(&why));
	else
		buf_setf(&text, "it redirects without end");
	j->fetch->results[CALL_FAILED]++;
	free(url);
	fetch_end(j, ERROR_CLASS_UNUSABLE, buf_str(&text));
	buf_release(&text);
	buf_release(&why);
}

static void
handle_answer(struct fetch_job *j, struct http_answer *h)
{
	struct fetch *f = j->fetch;
	struct profile_answer a;
	bool json;

	skew_update(f->skew, h->sent_ms, h->got_ms, h->headers.date_ms);
	if (is_redirect(h)) {
		follow_redirect(j, h);
		return;
	}
	json = read_answer_body(j, h, &a);
	f->results[failure_result(a.error)]++;
	if (a.error != ERROR_CLASS_NONE) {
		bad_answer(j, h, &a, json);
	} else {
		fetch_hold(f, wait_of(f, h, THROTTLE_GIVEN));
		good_page(j, &a, h->sent_ms);
	}
	profile_answer_release(&a);
}

void
fetch_answer(struct http_answer *h)
{
	struct fetch_job *j = h->ctx;

	TAILQ_REMOVE(&j->fetch->in_flight, j, link);
	if (h->outcome != HTTP_ANSWERED)
		j->fetch->results[CALL_FAILED]++;
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
	case HTTP_TOO_LONG:
		fetch_end_as(j, ERROR_CLASS_UNUSABLE, buf_str(&h->reason),
		    j->q.changes && !h->not_sent);
		break;
	}
	http_answer_free(h);
}
