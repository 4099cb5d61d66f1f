/*
 * http: an HTTP client for many simultaneous requests over kept connections,
 * using libcurl, whose headers only http.c includes. It does not handle tenants
 * or retries: each request is made once and gets one answer, good or bad.
 *
 * TLS is verified, redirects are not followed, the limit on the body's size
 * also applies after gunzip, and every transfer ends in bounded time.
 */
#ifndef POLLER_CRM_HTTP_H
#define POLLER_CRM_HTTP_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_headers;

/* Header lines that are sent with each request, from a list ending with NULL;
 * wiped when freed, because they contain the token. */
struct http_headers *http_headers_new(const char *const *lines);
void http_headers_free(struct http_headers *h);

struct http_limits {
	int64_t timeout_ms;
	size_t max_body;
	const char *ca_file; /* NULL: the system's */
};

/* Pointers are borrowed until the answer. */
struct http_request {
	const char *url;
	const char *method; /* "GET", ... */
	const char *body;   /* or NULL */
	const char *type;   /* Content-Type of the body */
	bool once; /* send at most once, on a new connection, because it
		    * changes something */
	const struct http_headers *headers;
	const struct http_limits *limits;
	size_t *in_flight; /* a counter, incremented at the start, decremented
			    * at the end */
	void *ctx;
};

enum http_outcome {
	HTTP_ANSWERED, /* status and complete body */
	HTTP_LATER,    /* the network or the server failed */
	HTTP_NEVER,    /* the certificate or the URL is invalid, or the body is
			* longer than max_body */
};

/* The headers that matter; CRMs have several names for two of them. */
enum http_header {
	HTTP_RETRY_AFTER,
	HTTP_RESET,
	HTTP_REMAINING,
	HTTP_CONTENT_TYPE,
	HTTP_HEADERS
};
extern const char *const http_header_names[HTTP_HEADERS];

struct http_answer_headers {
	char value[HTTP_HEADERS][64]; /* "" if absent */
	int64_t date_ms;              /* CLOCK_NONE: absent */
};

struct http_answer {
	void *ctx;
	const size_t *in_flight; /* the counter of the request */
	enum http_outcome outcome;
	bool not_sent; /* no answer, and no byte was sent */
	int status;
	struct buf body;
	struct buf reason; /* half a sentence, unless HTTP_ANSWERED */
	char *redirect;    /* absolute target of a 3xx, or NULL */
	struct http_answer_headers headers;
	int64_t sent_ms, got_ms; /* start and end, by our clock at the end */
};

struct http *http_new(void) __attribute__((warn_unused_result));
/* Ends all requests without answers. */
void http_free(struct http *h);

struct tape;

/* From now on, the tape records or plays each answer. Borrowed. */
void http_use_tape(struct http *h, struct tape *tape);

void http_start(struct http *h, const struct http_request *r);

/* Drives all transfers, and waits up to timeout_ms (at most 1 s) for one to
 * end. */
void http_wait(struct http *h, int64_t timeout_ms);

/* Returns the next answer, or NULL. Owned: http_answer_free(). */
struct http_answer *http_next(struct http *h)
    __attribute__((warn_unused_result));
void http_answer_free(struct http_answer *a);

bool http_is_success(const struct http_answer *a);

/* Drops the requests with this in_flight counter, and their answers that
 * http_next() has not returned yet. */
void http_cancel(struct http *h, const size_t *in_flight);

/* Parses the date in a header into ms; CLOCK_NONE if it is invalid. */
int64_t http_date(const char *text);

/* Returns 0 if base is an http(s) URL with a host and without password or
 * query, and https unless it is this machine or plaintext; otherwise -1 and
 * *why. */
int http_check_base(const char *base, bool plaintext, struct buf *why)
    __attribute__((warn_unused_result));

#endif
