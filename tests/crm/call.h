/*
 * call: an HTTP request to the simulator and its answer, independent of the
 * HTTP library.
 */
#ifndef TESTS_CRM_CALL_H
#define TESTS_CRM_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

enum method {
	METHOD_GET,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OTHER
};

struct sim;
struct world;

/* By number; "?" for METHOD_OTHER. */
extern const char *const method_names[];

struct call {
	enum method method;
	const char *path;  /* without the query */
	const char *token; /* Authorization, or Qiscus's secret; or NULL */
	bool by_admin;     /* for Qiscus: the token of an admin who logged in */
	bool uncounted;    /* X-Uncounted: the call is not counted and gets no
			    * faults */
	struct buf body;
	/* A parameter of the query, decoded, or NULL. Borrowed. */
	const char *(*query)(void *ctx, const char *name);
	/* A header, or NULL. Borrowed. */
	const char *(*header)(void *ctx, const char *name);
	void *ctx;
	/* Set for routes. */
	struct sim *sim;
	struct world *world; /* of the account */
	int64_t id;          /* the one in the path */
	/* Set by faults. */
	int64_t shift;  /* added to an offset above 0 */
	bool same_page; /* offset and start_id have no effect */
	int64_t echo;   /* status of an error whose body quotes the token and
			 * the request */
	int64_t move;   /* a room that moves to the last agent, or to the
			 * first */
	int disturb;    /* before a later page: -1 nothing, 0 a message, 1 a
			 * closing */
};

enum answer_mode {
	ANSWER_WHOLE,
	ANSWER_CUT,   /* chunked, and closed in the middle */
	ANSWER_LONG,  /* Content-Length promises more than is sent */
	ANSWER_SHORT, /* Content-Length promises less, so the end is missing */
	ANSWER_DRIP,  /* a byte a second */
	ANSWER_HANG,  /* nothing for `value` seconds */
	ANSWER_RESET, /* closed without an answer */
	ANSWER_HUGE,  /* `value` bytes of blanks inside an array */
	ANSWER_BOMB,  /* the same, gzipped to a thousandth */
};

#define ANSWER_HEADERS 4

struct answer {
	unsigned status;
	struct buf body;
	const char *type; /* Content-Type; NULL: JSON */
	enum answer_mode mode;
	int64_t value;
	int64_t delay_ms;
	int64_t date_skew_s; /* added to the Date header */
	bool no_date;
	struct {
		const char *name;
		char value[128];
	} headers[ANSWER_HEADERS];
	size_t headers_n;
};

void answer_header(struct answer *a, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Replaces the body. */
void answer_text(struct answer *a, unsigned status, const char *body);

/* The error body of all routes; errors is JSON text, or NULL. */
void answer_error(
    struct answer *a, unsigned status, const char *message, const char *errors);

/* Returns a parameter as a number; the default if it is absent or not a
 * number. */
int64_t call_int(const struct call *c, const char *name, int64_t otherwise);

/* "Thu, 20 Nov 2026 10:00:00 GMT"; text has 40 bytes. */
void call_http_date(int64_t ms, char *text);

#endif
