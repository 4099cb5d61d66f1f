/*
 * http: see http.h. There is one multi handle, which keeps the connections.
 */
#define _DEFAULT_SOURCE /* explicit_bzero, sys/queue.h */
#include "poller/crm/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/conf/url.h"
#include "poller/crm/tape.h"

/* How long connecting may take, within the request's timeout. */
#define CONNECT_MS 10000L

struct http_headers {
	struct curl_slist *list;
};

struct transfer {
	CURL *easy;
	struct http_request request;
	struct http_answer *answer;
	int64_t began_ms; /* monotonic */
	bool too_long;
	/* Linked in front of the shared list of headers. */
	struct curl_slist type, expect;
	char type_line[96];
	char error[CURL_ERROR_SIZE];
	TAILQ_ENTRY(transfer) link;
};

TAILQ_HEAD(transfers, transfer);

struct http {
	CURLM *multi;
	char *agent;
	struct tape *tape; /* or NULL */
	struct transfers under_way;
	struct http_answer **done;
	size_t done_n, done_cap, done_at;
};

struct http_headers *
http_headers_new(const char *const *lines)
{
	struct http_headers *h = xcalloc(1, sizeof *h);

	for (; *lines != NULL; lines++) {
		struct curl_slist *l = curl_slist_append(h->list, *lines);

		if (l == NULL)
			prog_die(PROG_TEMPFAIL, "out of memory");
		h->list = l;
	}
	return h;
}

void
http_headers_free(struct http_headers *h)
{
	struct curl_slist *l;

	if (h == NULL)
		return;
	for (l = h->list; l != NULL; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	curl_slist_free_all(h->list);
	free(h);
}

struct http *
http_new(void)
{
	struct http *h = xcalloc(1, sizeof *h);

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		prog_die(PROG_TEMPFAIL, "cannot start libcurl: out of memory");
	TAILQ_INIT(&h->under_way);
	h->multi = curl_multi_init();
	if (h->multi == NULL)
		prog_die(PROG_TEMPFAIL, "out of memory");
	h->agent = xasprintf("messaging-analytics/%s", prog_version());
	return h;
}

void
http_answer_free(struct http_answer *a)
{
	if (a == NULL)
		return;
	buf_release(&a->body);
	buf_release(&a->reason);
	free(a->redirect);
	free(a);
}

static size_t
receive_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	buf_add(&t->answer->body, data, size * n);
	if (!t->answer->body.over)
		return size * n;
	t->too_long = true;
	return 0; /* ends the transfer */
}

/* Sets method, headers and body. libcurl resends a request if a kept connection
 * turns out to be closed, so a request that may be sent only once gets a new
 * connection. */
static void
set_request(struct transfer *t)
{
	static char no_expect[] = "Expect:";
	const struct http_request *r = &t->request;
	CURL *c = t->easy;

	t->type = (struct curl_slist){ t->type_line, r->headers->list };
	t->expect = (struct curl_slist){ no_expect, &t->type };
	if (strcmp(r->method, "GET") == 0) {
		(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, r->headers->list);
		return;
	}
	(void)snprintf(t->type_line, sizeof t->type_line, "Content-Type: %s",
	    r->body != NULL ? r->type : "application/json");
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, &t->expect);
	(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
	if (r->body != NULL || strcmp(r->method, "DELETE") != 0)
		(void)curl_easy_setopt(
		    c, CURLOPT_POSTFIELDS, r->body != NULL ? r->body : "");
	(void)curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, r->once ? 1L : 0L);
}

/* Returns one part of a URL, "" if absent. Owned. */
static char *
url_part(CURLU *u, CURLUPart what)
{
	char *s = NULL, *copy;

	if (curl_url_get(u, what, &s, CURLU_DEFAULT_PORT) != CURLUE_OK)
		s = NULL;
	copy = xstrdup(s != NULL ? s : "");
	curl_free(s);
	return copy;
}

/* Also removes the brackets of an IPv6 address from host. */
static bool
is_loopback(char *host)
{
	size_t n = strlen(host);

	if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		host++;
	}
	return url_is_loopback(host);
}

static bool
is_on_this_machine(const char *url)
{
	CURLU *u = curl_url();
	char *host;
	bool yes = false;

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
		host = url_part(u, CURLUPART_HOST);
		yes = is_loopback(host);
		free(host);
	}
	curl_url_cleanup(u);
	return yes;
}

static void
set_easy_options(struct http *h, struct transfer *t)
{
	const struct http_request *r = &t->request;
	CURL *c = t->easy;

	/* These fail only if memory runs out; then the transfer fails, too. */
	(void)curl_easy_setopt(c, CURLOPT_URL, r->url);
	set_request(t);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, h->agent);
	(void)curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip");
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	/* The proxy in the environment is on another machine, and would get the
	 * token. */
	if (is_on_this_machine(r->url))
		(void)curl_easy_setopt(c, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(
	    c, CURLOPT_TIMEOUT_MS, (long)r->limits->timeout_ms);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	if (r->limits->ca_file != NULL)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, r->limits->ca_file);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	(void)curl_easy_setopt(
	    c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->error);
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, t);
}

void
http_use_tape(struct http *h, struct tape *tape)
{
	h->tape = tape;
}

static void
add_answer(struct http *h, struct http_answer *a)
{
	XGROW(h->done, h->done_n, h->done_cap);
	h->done[h->done_n++] = a;
}

void
http_start(struct http *h, const struct http_request *r)
{
	struct http_answer *a = xcalloc(1, sizeof *a);
	struct transfer *t;

	a->ctx = r->ctx;
	a->in_flight = r->in_flight;
	if (h->tape != NULL && tape_plays(h->tape)) {
		tape_play(h->tape, r, a);
		add_answer(h, a);
		return;
	}
	t = xcalloc(1, sizeof *t);
	t->easy = curl_easy_init();
	t->request = *r;
	t->answer = a;
	t->answer->body.max = r->limits->max_body;
	t->began_ms = clock_mono_ms();
	if (t->easy == NULL)
		prog_die(PROG_TEMPFAIL, "out of memory");
	set_easy_options(h, t);
	TAILQ_INSERT_TAIL(&h->under_way, t, link);
	++*r->in_flight;
	if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK)
		prog_die(PROG_TEMPFAIL, "out of memory");
}

static void
end_transfer(struct http *h, struct transfer *t)
{
	(void)curl_multi_remove_handle(h->multi, t->easy);
	curl_easy_cleanup(t->easy);
	TAILQ_REMOVE(&h->under_way, t, link);
	--*t->request.in_flight;
	free(t);
}

const char *const http_header_names[HTTP_HEADERS] = { "Retry-After",
	"X-RateLimit-Reset", "X-RateLimit-Remaining", "Content-Type" };

/* Returns "" if it is absent. */
static const char *
get_header(CURL *c, const char *name)
{
	struct curl_header *header;

	return curl_easy_header(c, name, 0, CURLH_HEADER, -1, &header) ==
		       CURLHE_OK
		   ? header->value
		   : "";
}

static void
get_headers(CURL *c, struct http_answer_headers *headers)
{
	static const struct {
		const char *name;
		enum http_header which;
	} others[] = { { "X-Rate-Limit-Reset", HTTP_RESET },
		{ "RateLimit-Reset", HTTP_RESET },
		{ "X-Rate-Limit-Remaining", HTTP_REMAINING },
		{ "RateLimit-Remaining", HTTP_REMAINING } };
	size_t i;

	for (i = 0; i < HTTP_HEADERS; i++)
		(void)snprintf(headers->value[i], sizeof headers->value[i],
		    "%s", get_header(c, http_header_names[i]));
	for (i = 0; i < ARRAY_LEN(others); i++) {
		char *to = headers->value[others[i].which];

		if (*to == '\0')
			(void)snprintf(to, sizeof headers->value[0], "%s",
			    get_header(c, others[i].name));
	}
	headers->date_ms = http_date(get_header(c, "Date"));
}

/* Errors that a retry cannot fix. */
static const CURLcode never[] = {
	CURLE_PEER_FAILED_VERIFICATION,
	CURLE_SSL_CACERT_BADFILE,
	CURLE_SSL_ISSUER_ERROR,
	CURLE_URL_MALFORMAT,
	CURLE_UNSUPPORTED_PROTOCOL,
};

static enum http_outcome
classify(const struct transfer *t, CURLcode code)
{
	size_t i;

	if (code == CURLE_OK)
		return HTTP_ANSWERED;
	if (t->too_long)
		return HTTP_NEVER;
	for (i = 0; i < ARRAY_LEN(never); i++) {
		if (code == never[i])
			return HTTP_NEVER;
	}
	return HTTP_LATER;
}

/* True if the certificate is from an unknown authority or self-signed: ca_file
 * does not help against a certificate that has expired or belongs to another
 * host. */
static bool
is_authority_unknown(const struct transfer *t)
{
	/* OpenSSL's X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT and the next
	 * three. */
	const long first = 18, last = 21;
	long result = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &result);
	return result >= first && result <= last;
}

/* Explains why TLS failed, and what may fix it. */
static void
set_tls_reason(struct transfer *t, CURLcode code, const char *text)
{
	struct buf *reason = &t->answer->reason;
	bool own = t->request.limits->ca_file != NULL;

	if (code == CURLE_SSL_CONNECT_ERROR)
		buf_setf(reason,
		    "TLS failed: %s; check that the port of url speaks TLS 1.2 "
		    "or later",
		    text);
	else if (code == CURLE_SSL_CACERT_BADFILE)
		buf_setf(reason, "%s: %s",
		    own ? "ca_file has no certificates"
			: "cannot read the system's certificates; install "
			  "ca-certificates, or set ca_file",
		    text);
	else
		buf_setf(reason,
		    "the server's certificate is not trusted: %s%s", text,
		    !is_authority_unknown(t) ? ""
		    : own                    ? "; ca_file lacks the issuing CA"
			  : "; if you use your own CA, set ca_file to its "
			    "certificate");
}

/* libcurl says "Failed to connect to HOST port N after 3 ms: REASON". The
 * duration is omitted, so that failures with the same cause have the same
 * text. */
static void
set_text_without_time(struct buf *reason, const char *text)
{
	const char *after = strstr(text, " after "), *rest = NULL;

	if (after != NULL)
		rest = strstr(after, " ms: ");
	if (rest == NULL)
		buf_setf(reason, "%s", text);
	else
		buf_setf(reason, "%.*s%s", (int)(after - text), text, rest + 3);
}

static void
set_reason(struct transfer *t, CURLcode code)
{
	struct http_answer *a = t->answer;
	const char *text =
	    t->error[0] != '\0' ? t->error : curl_easy_strerror(code);

	if (t->too_long)
		buf_setf(&a->reason,
		    "the answer is longer than max_body, %zu bytes",
		    t->request.limits->max_body);
	else if (code == CURLE_PEER_FAILED_VERIFICATION ||
		 code == CURLE_SSL_CONNECT_ERROR ||
		 code == CURLE_SSL_CACERT_BADFILE)
		set_tls_reason(t, code, text);
	else
		set_text_without_time(&a->reason, text);
}

static void
finish_transfer(struct http *h, struct transfer *t, CURLcode code)
{
	struct http_answer *a = t->answer;
	char *url = NULL;
	long status = 0, sent = 0;

	a->got_ms = clock_now_ms();
	/* Our clock may have been changed meanwhile, and both times must be on
	 * the same clock; otherwise the CRM's clock would seem to differ by
	 * half of that. */
	a->sent_ms = a->got_ms - (clock_mono_ms() - t->began_ms);
	a->outcome = classify(t, code);
	a->body.max = 0;
	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	a->status = (int)status;
	get_headers(t->easy, &a->headers);
	if (curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &url) ==
		CURLE_OK &&
	    url != NULL)
		a->redirect = xstrdup(url);
	if (a->outcome != HTTP_ANSWERED)
		set_reason(t, code);
	(void)curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
	a->not_sent = a->outcome != HTTP_ANSWERED && sent == 0;
	if (h->tape != NULL)
		tape_keep(h->tape, &t->request, a);
	end_transfer(h, t);
	add_answer(h, a);
}

static void
collect(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		char *t = NULL;

		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		if (m->msg == CURLMSG_DONE && t != NULL)
			finish_transfer(
			    h, (struct transfer *)(void *)t, m->data.result);
	}
}

void
http_wait(struct http *h, int64_t timeout_ms)
{
	int running;

	(void)curl_multi_perform(h->multi, &running);
	collect(h);
	if (timeout_ms <= 0 || h->done_at < h->done_n)
		return;
	/* Returns at the first event or signal. */
	(void)curl_multi_poll(h->multi, NULL, 0,
	    (int)(timeout_ms < 1000 ? timeout_ms : 1000), NULL);
	(void)curl_multi_perform(h->multi, &running);
	collect(h);
}

struct http_answer *
http_next(struct http *h)
{
	if (h->done_at < h->done_n)
		return h->done[h->done_at++];
	h->done_at = h->done_n = 0;
	return NULL;
}

bool
http_is_success(const struct http_answer *a)
{
	return a->status >= 200 && a->status < 300;
}

void
http_cancel(struct http *h, const size_t *in_flight)
{
	struct transfer *t, *next;
	size_t i, n = 0;

	for (t = TAILQ_FIRST(&h->under_way); t != NULL; t = next) {
		next = TAILQ_NEXT(t, link);
		if (t->request.in_flight != in_flight)
			continue;
		http_answer_free(t->answer);
		end_transfer(h, t);
	}
	for (i = h->done_at; i < h->done_n; i++) {
		if (h->done[i]->in_flight == in_flight)
			http_answer_free(h->done[i]);
		else
			h->done[n++] = h->done[i];
	}
	h->done_at = 0;
	h->done_n = n;
}

void
http_free(struct http *h)
{
	struct http_answer *a;

	if (h == NULL)
		return;
	while (!TAILQ_EMPTY(&h->under_way))
		http_cancel(h, TAILQ_FIRST(&h->under_way)->request.in_flight);
	while ((a = http_next(h)) != NULL)
		http_answer_free(a);
	(void)curl_multi_cleanup(h->multi);
	curl_global_cleanup();
	free(h->done);
	free(h->agent);
	free(h);
}

int64_t
http_date(const char *text)
{
	time_t t = curl_getdate(text, NULL);

	return t < 0 ? CLOCK_NONE : (int64_t)t * 1000;
}

static bool
has_part(CURLU *u, CURLUPart what)
{
	char *s = url_part(u, what);
	bool yes = *s != '\0';

	free(s);
	return yes;
}

int
http_check_base(const char *base, bool plaintext, struct buf *why)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL;
	int rc = -1;

	if (u == NULL || curl_url_set(u, CURLUPART_URL, base,
			     CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
		buf_setf(why, "is not a URL such as https://HOST");
		goto out;
	}
	scheme = url_part(u, CURLUPART_SCHEME);
	host = url_part(u, CURLUPART_HOST);
	if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		buf_setf(why, "must begin with https://");
	else if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
		buf_setf(why, "has a password; put secrets into token_file");
	else if (has_part(u, CURLUPART_QUERY) ||
		 has_part(u, CURLUPART_FRAGMENT))
		buf_setf(why, "must not have a '?' or '#'");
	else if (strcmp(scheme, "http") == 0 && !plaintext &&
		 !is_loopback(host))
		buf_setf(why, "would send secrets unencrypted; use https://, "
			      "or set plaintext = yes to allow it");
	else
		rc = 0;
out:
	free(scheme);
	free(host);
	curl_url_cleanup(u);
	return rc;
}
