/*
 * web: a request that came in and its answer, as the routes see them. HTTP
 * itself is server.c's; a route is a pure function over what the configuration
 * says (struct intake) and the request, so that every contract is tested
 * without a socket. Routes run in several threads at a time.
 */
#ifndef POLLER_WEB_H
#define POLLER_WEB_H

#include "common/buf.h"

#include <stddef.h>
#include <stdint.h>

struct intake;
struct outbox;

enum web_method { WEB_GET, WEB_POST, WEB_OTHER };

/* All borrowed until the handler returns. */
struct web_request {
	enum web_method method;
	const char *path; /* as sent: not decoded, without the query */
	const char *body; /* raw bytes, a NUL behind them */
	size_t len;
	const char *peer; /* the address of the other side, as text */
	int64_t now_ms;   /* when the request had come in whole */
	/* A header, any case; a parameter of the query, decoded. NULL: none.
	 */
	const char *(*header)(const struct web_request *r, const char *name);
	const char *(*query)(const struct web_request *r, const char *name);
	void *private;
	/* Where records go, for who asks how it is; NULL: not known. */
	struct outbox *outbox;
};

/* Filled by a handler; begins as zeros, with status 200. */
struct web_answer {
	int status;
	const char *content_type; /* NULL: application/json */
	struct buf body;
	int retry_after; /* seconds; 0: no such header */
	/* Headers Allow and WWW-Authenticate; NULL: none. For ever. */
	const char *allow, *authenticate;
	/* Records, each a line with its newline, that must be safe before the
	 * answer goes out; when they cannot be, it is 503 instead. Nothing of
	 * an answer that is no success is published. */
	struct buf records;
	size_t records_n;
	/* The same for dead letters, deadletter_write()'s: what is authentic
	 * and not understood. They go to the queue of dead letters, or into a
	 * file of the state, and are as safe as records. */
	struct buf dead;
	size_t dead_n;
};

typedef void web_handler(
    const struct intake *in, const struct web_request *r, struct web_answer *a);

#endif
