/*
 * web: an HTTP request and its answer, as handlers see them. The server speaks
 * HTTP (server.h); a handler is a function of the program's context and the
 * request, so it can be tested without a socket. Handlers run in several
 * threads.
 */
#ifndef COMMON_HTTP_WEB_H
#define COMMON_HTTP_WEB_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_topic;
struct work_queue;
struct web_answer;
struct web_request;

/* Fills the answer *a. context belongs to the program. */
typedef void web_handler(
    const void *context, const struct web_request *r, struct web_answer *a);

/* Called for each query parameter; value is NULL if there is no "=". */
typedef void web_parameter_visitor(
    void *ctx, const char *name, const char *value);

enum web_method { WEB_GET, WEB_POST, WEB_OTHER };

/* Everything is borrowed until the handler, and the handler to which it passes
 * the rest, return. */
struct web_request {
	enum web_method method;
	const char *path; /* as sent: not decoded, without the query */
	const char *body; /* raw bytes, followed by a NUL */
	size_t len;
	const char *peer; /* the client's address as text; "::" if a proxy did
			   * not say it */
	const char *from; /* for logs: peer, or else the proxy's address */
	int64_t now_ms;   /* when the request was complete */
	/* Returns a header in any case, its first line. NULL: none. */
	const char *(*header)(const struct web_request *r, const char *name);
	/* Visits all query parameters, decoded, in order. NULL: there is no
	 * query. */
	void (*parameters)(const struct web_request *r,
	    web_parameter_visitor *visit, void *ctx);
	void *private; /* for header and parameters */
};

/* Returns the query parameter, the last one with that name, as the original
 * services do; `without` if it has no "="; NULL if there is none. */
const char *web_last_parameter(
    const struct web_request *r, const char *name, const char *without);

/* Returns the value of the Allow header for a path that accepts these methods,
 * at least one. HEAD is allowed wherever GET is. */
const char *web_allow(bool get, bool post);

/* Filled by a handler; starts with zeros and empty buffers, and status 200. The
 * buffers belong to the caller. */
struct web_answer {
	int status;
	const char *content_type; /* NULL: application/json, if there is a
				   * body */
	struct buf body;
	int retry_after; /* in seconds; 0: no such header */
	/* The headers Allow and WWW-Authenticate; NULL: none. Static texts. */
	const char *allow, *authenticate;
	/* Further headers, each "Name: value" with a newline. They must not
	 * contain text from a client. */
	struct buf headers;
	/* Records and dead letters (deadletter_write()), one line each, which
	 * the server's storer stores safely before the answer is sent; if it
	 * cannot, the answer is 503. They are dropped if the answer is not a
	 * success (status 300 and above). A dead letter is a request that is
	 * authentic but was not understood. */
	struct buf records;
	size_t records_n, dead_n;
	/* For a slow answer: this handler makes it in a thread of this queue.
	 * NULL: the answer is complete. */
	web_handler *later;
	struct work_queue *queue;
	uint64_t lane; /* lane of the queue, see work_queue.h */
	/* Bytes that a handler passes to its caller, to the storer and to
	 * goes_on. */
	struct buf note;
	/* For an answer with status 200 that stays open: its body consists of
	 * the events of this topic (event_topic.h) for at most events_ms (0: no
	 * limit); a browser then reconnects. The reference passes to the
	 * server. NULL: the answer has a body. */
	struct event_topic *events;
	int64_t events_ms;
	/* Called repeatedly while the answer is open; false ends it. NULL: it
	 * never ends by itself. */
	bool (*goes_on)(const void *context, const struct web_answer *a);
};

/* The lines of one request that must be stored safely before it is answered.
 * The server passes it to the program's storer (server.h), which owns it until
 * it calls done(), once, in any thread. done() does not block. */
struct pending_request {
	const struct buf *records, *note; /* those of the answer */
	void (*done)(struct pending_request *p, bool safe);
	/* Link of the storer's list; after done(), of the server's. */
	struct pending_request *next;
};

/* The name of an HTTP status (RFC 9110). Static. */
const char *http_status_text(int status);

/* Matches the path of a request against a pattern. Parts of the pattern may be
 * {name}, which matches any part that is not empty, and the last may be
 * {*name}, which matches all the rest if it is not empty. Parts are compared
 * byte by byte, as they were sent. */
bool path_pattern_fits(const char *pattern, const char *path);

/* Returns the n-th part of a path, from 0, as it was sent; *len is 0 if there
 * are fewer. For handlers whose pattern has a {name}. */
const char *path_pattern_part(const char *path, size_t n, size_t *len);

/* The entity tag of an answer is a checksum of its bytes. */

/* The size of an entity tag with quotes and NUL. */
#define ETAG_TEXT 24

/* more: other text that affects the answer, such as a header; NULL: nothing. */
void etag_write(char etag[ETAG_TEXT], const struct buf *body, const char *more);

/* True if the If-None-Match header has the tag, or *: the answer is 304. */
bool etag_is_known(const struct web_request *r, const char *etag);

/* All errors in a request, as the answer lists them:
 * {"detail":[{"loc":["body","id"],"msg":"is missing"}]}. */

/* The path of a value, from the inside out. */
struct validate_place {
	const struct validate_place *in; /* the enclosing place; NULL: none */
	const char *name;                /* NULL: an index */
	size_t index;
};

/* The errors. A zeroed struct has none. */
struct validate_errors {
	struct buf list;  /* JSON objects, separated by commas */
	size_t n;         /* number of errors; those above VALIDATE_ERRORS are
			   * not listed */
	struct buf first; /* the first error as a sentence: "sender_id is
			   * missing" */
};

#define VALIDATE_ERRORS 100

void validate_release(struct validate_errors *f);

/* Adds an error. The text follows the name of the place. */
void validate_error(struct validate_errors *f, const struct validate_place *at,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Answers with the list, with status 422. */
void validate_answer(const struct validate_errors *f, struct web_answer *a);

#endif
