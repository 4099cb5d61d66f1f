/*
 * web: a request that came in and its answer, as the routes see them. HTTP
 * itself is server.c's; a route is a pure function over what the configuration
 * says (struct listener_context) and the request, so that every contract is
 * tested without a socket. Routes run in several threads at a time.
 */
#ifndef COMMON_HTTP_WEB_H
#define COMMON_HTTP_WEB_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct listener_context;
struct work_queue;
struct outbox;
struct web_answer;
struct web_request;

typedef void web_handler(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a);

enum web_method { WEB_GET, WEB_POST, WEB_OTHER };

/* All borrowed until the handler returns, and the one it leaves the rest to. */
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
	/* What takes time: then the answer is made by this handler, in the
	 * thread of that lane. NULL: it is made. */
	web_handler *later;
	struct work_queue *lane;
};

#endif
