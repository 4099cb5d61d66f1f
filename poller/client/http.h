/*
 * http: many requests at a time over connections that are kept, with libcurl,
 * which is seen in http.c only. It knows nothing of tenants or retries: each
 * request is made once and answered once, well or badly.
 *
 * TLS is verified, redirects are not followed, bodies have a limit that also
 * holds after gunzip, and every transfer ends in bounded time.
 */
#ifndef POLLER_CLIENT_HTTP_H
#define POLLER_CLIENT_HTTP_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_headers;

/* The lines sent with each request; wiped when freed. NULL-ended. */
struct http_headers *http_headers_new(const char *const *lines);
void http_headers_free(struct http_headers *h);

struct http_limits {
	int64_t timeout_ms, connect_ms;
	size_t max_body;
	const char *ca_file; /* NULL: the system's */
};

/* All borrowed until the answer. */
struct http_request {
	const char *url;
	const char *method; /* "GET", ... */
	const char *body;   /* or NULL */
	size_t body_len;
	const char *type; /* Content-Type of the body */
	bool once; /* it changes something: sent once at most, on a connection
		      of its own */
	const struct http_headers *headers;
	const struct http_limits *limits;
	size_t *in_flight; /* counted up at the start, down at the end */
	void *ctx;
};

enum http_outcome {
	HTTP_ANSWERED, /* there is a status; the body is whole */
	HTTP_LATER,    /* the network, or the other side, failed */
	HTTP_NEVER,    /* TLS is not to be trusted, the URL is no good */
	HTTP_TOO_LONG, /* the body passed the limit */
};

/* What the answer's headers say; "" where they say nothing. */
struct http_answer_headers {
	char retry_after[64];
	char reset[32];     /* X-RateLimit-Reset, RateLimit-Reset */
	char remaining[32]; /* X-RateLimit-Remaining and its like */
	char content_type[64];
	int64_t date_ms; /* CLOCK_NONE: none */
};

struct http_answer {
	void *ctx;
	const size_t *in_flight; /* of the request */
	enum http_outcome outcome;
	bool unsent; /* not answered, and no byte of it was sent */
	int status;
	struct buf body;
	struct buf reason; /* when not HTTP_ANSWERED */
	char *redirect;    /* where a 3xx points to, absolute, or NULL */
	struct http_answer_headers headers;
	int64_t sent_ms, got_ms; /* our clock, when asked and answered */
};

struct http *http_new(void) __attribute__((warn_unused_result));
/* Ends what is under way without answers. */
void http_free(struct http *h);

void http_start(struct http *h, const struct http_request *r);

/* Moves everything on, and waits up to timeout_ms for something to end. */
void http_wait(struct http *h, int64_t timeout_ms);

/* The next answer, or NULL. Owned: http_answer_free(). */
struct http_answer *http_next(struct http *h)
    __attribute__((warn_unused_result));
void http_answer_free(struct http_answer *a);

/* Drops what is under way, and answers not yet taken, for this count of
 * flying requests. */
void http_cancel(struct http *h, const size_t *in_flight);

/* A date as in headers, in ms; CLOCK_NONE when it is none. */
int64_t http_date(const char *text);

/* Whether base may be spoken to: an http(s) URL with a host and without
 * password or query; http only to this machine, or if plaintext. */
int http_check_base(const char *base, bool plaintext, struct buf *why)
    __attribute__((warn_unused_result));

/* target (absolute, or relative to from) as an absolute URL on the scheme,
 * host and port of base; NULL and *why when it leads elsewhere. Owned. */
char *http_resolve(const char *base, const char *from, const char *target,
    struct buf *why) __attribute__((warn_unused_result));

#endif
