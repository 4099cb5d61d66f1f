/*
 * web: a request that came in and its answer, as handlers see them. HTTP itself
 * is the server's (server.h); a handler is a function of a program's own
 * context and the request, so that it is tested without a socket. Handlers run
 * in several threads at a time.
 */
#ifndef COMMON_HTTP_WEB_H
#define COMMON_HTTP_WEB_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct event_topic;
struct work_queue;
struct web_answer;
struct web_request;

/* Makes the answer *a, which begins as struct web_answer says. context: the
 * program's own. */
typedef void web_handler(
    const void *context, const struct web_request *r, struct web_answer *a);

/* Called for a parameter of a query; value is NULL without a "=". */
typedef void web_parameter_visitor(
    void *ctx, const char *name, const char *value);

enum web_method { WEB_GET, WEB_POST, WEB_OTHER };

/* All borrowed until the handler returns, and the one it leaves the rest to. */
struct web_request {
	enum web_method method;
	const char *path; /* as sent: not decoded, without the query */
	const char *body; /* raw bytes, a NUL behind them */
	size_t len;
	const char *peer; /* the address of the other side, as text */
	int64_t now_ms;   /* when the request had come in whole */
	/* A header, any case, the lines of a list joined; the query's
	 * parameter, decoded, the last of that name. NULL: none. */
	const char *(*header)(const struct web_request *r, const char *name);
	const char *(*query)(const struct web_request *r, const char *name);
	/* Visits all parameters, decoded, in their order. NULL: there is no
	 * query. */
	void (*parameters)(const struct web_request *r,
	    web_parameter_visitor *visit, void *ctx);
	void *private; /* of header, query and parameters */
};

struct web_parameter {
	const char *name, *value, *without;
};

static inline void
web_keep_parameter(void *ctx, const char *name, const char *value)
{
	struct web_parameter *p = ctx;

	if (strcmp(name, p->name) == 0)
		p->value = value != NULL ? value : p->without;
}

/* The query's parameter, of several of that name the last one, as the original
 * services take it; `without` where it has no "=". NULL: there is none. */
static inline const char *
web_last_parameter(
    const struct web_request *r, const char *name, const char *without)
{
	struct web_parameter p = { .name = name, .without = without };

	if (r->parameters != NULL)
		r->parameters(r, web_keep_parameter, &p);
	return p.value;
}

/* What the header Allow says of a path that takes these; one of them it does.
 * What answers GET answers HEAD. */
static inline const char *
web_allow(bool get, bool post)
{
	if (!get)
		return "POST";
	return post ? "GET, HEAD, POST" : "GET, HEAD";
}

/* Filled by a handler; begins as zeros and empty buffers, with status 200. The
 * buffers are the caller's. */
struct web_answer {
	int status;
	const char *content_type; /* NULL: application/json, if it has a body */
	struct buf body;
	int retry_after; /* seconds; 0: no such header */
	/* Headers Allow and WWW-Authenticate; NULL: none. Static texts. */
	const char *allow, *authenticate;
	/* More headers, each "Name: value" with a newline; no text of a
	 * client's may be in it. */
	struct buf headers;
	/* Records, each a line with its newline, that the server's storer
	 * makes safe before the answer goes out; when it cannot, the answer is
	 * 503 instead. Those of an answer that is not a success (status 300 and
	 * above) are dropped. */
	struct buf records;
	size_t records_n;
	/* The same for dead letters, deadletter_write()'s: requests that are
	 * authentic and not understood. */
	struct buf dead;
	size_t dead_n;
	/* For an answer that takes long to make: this handler makes it, in the
	 * thread of this queue. NULL: the answer is made. */
	web_handler *later;
	struct work_queue *queue;
	uint64_t lane; /* of the queue, see work_queue.h */
	/* Bytes that a handler leaves for the one above, and for goes_on. */
	struct buf note;
	/* For an answer of status 200 that stays open: its body are the events
	 * of this topic (event_topic.h), for events_ms at most (0: no limit),
	 * after which a browser asks again. A reference that is given away.
	 * NULL: it has a body. */
	struct event_topic *events;
	int64_t events_ms;
	/* Asked again and again while it is open; false ends it. NULL: it goes
	 * on. */
	bool (*goes_on)(const void *context, const struct web_answer *a);
};

/* The lines of one request that must be safe before it is answered. The server
 * hands it to the storer of its program (server.h), to whom it belongs until it
 * calls done(), once, in any thread; done() does not wait. */
struct pending_request {
	const struct buf *records, *dead; /* whole lines; may be empty */
	size_t n;                         /* how many lines */
	void (*done)(struct pending_request *p, bool safe);
	/* A link of the storer's list; after done() of the server's. */
	struct pending_request *next;
};

/* What a status of HTTP is called (RFC 9110). Static. */
const char *http_status_text(int status);

/* Compares the path of a request with a pattern: a path whose parts may be
 * {name}, any one part that is not empty, and which may end in {*name}, all the
 * rest, that is not empty. Parts are compared as they were sent, byte for byte.
 */
bool path_pattern_fits(const char *pattern, const char *path);

/* The n-th part of a path, from 0, as it was sent; *len is 0 when there are
 * fewer. For a handler whose pattern has a {name}. */
const char *path_pattern_part(const char *path, size_t n, size_t *len);

/* The entity tag of an answer is a checksum of its bytes. */

/* Room for one, quotes and NUL included. */
#define ETAG_TEXT 24

/* more: what else of the answer counts, such as a header; NULL: nothing. */
void etag_write(char etag[ETAG_TEXT], const struct buf *body, const char *more);

/* True when header If-None-Match has it, or *: the answer is 304. */
bool etag_is_known(const struct web_request *r, const char *etag);

#endif
