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

struct call {
	enum method method;
	const char *path;  /* without the query */
	const char *token; /* Authorization, or Qiscus's secret; or NULL */
	bool by_admin;     /* of Qiscus: that is an admin's, who logged in */
	bool uncounted;    /* X-Uncounted: neither counted nor given faults */
	struct buf body;
	/* A parameter of the query, decoded, or NULL. Borrowed. */
	const char *(*query)(void *ctx, const char *name);
	/* A header, or NULL. Borrowed. */
	const char *(*header)(void *ctx, const char *name);
	void *ctx;
	/* Set by faults. */
	int64_t shift;  /* added to an offset above 0 */
	bool same_page; /* offset and start_id have no effect */
	bool no_filter; /* nor have state, operator_id, dialog_id */
	int64_t echo;   /* the status of an error that quotes token and body */
	int64_t move;   /* a room that goes to the last agent, or the first */
	int disturb;    /* before a later page: -1 no, 0 a message, 1 a close */
};

enum answer_mode {
	ANSWER_WHOLE,
	ANSWER_CUT,   /* chunked, closed in the middle */
	ANSWER_LONG,  /* Content-Length promises more than comes */
	ANSWER_SHORT, /* Content-Length promises less: the end is missing */
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

/* The shared error body; errors is JSON text, or NULL. */
void answer_error(
    struct answer *a, unsigned status, const char *message, const char *errors);

/* A parameter as a number; the default when it is absent or none. */
int64_t call_int(const struct call *c, const char *name, int64_t otherwise);

/* "Thu, 20 Nov 2026 10:00:00 GMT"; text has 40 bytes. */
void call_http_date(int64_t ms, char *text);

#endif
