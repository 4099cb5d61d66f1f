/*
 * route_collect: what the collecting routes do alike: who asks, for which
 * tenant, with which body; and how they say what is wrong, in the original's
 * shape (FastAPI's).
 *
 * A route begins, checks the body's fields, and settles, which writes records
 * and the answer; each step that says false has made the answer.
 */
#ifndef POLLER_ROUTES_ROUTE_COLLECT_H
#define POLLER_ROUTES_ROUTE_COLLECT_H

#include "common/http/web.h"
#include "poller/routes/route_sender.h"
#include "poller/routes/validate.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One request. The first three are the caller's. */
struct collect {
	const struct listener_context *in;
	const struct web_request *r;
	struct web_answer *a;
	struct sender sender;
	struct validate_faults faults;
	json_t *body;    /* NULL: there is none, which is a fault already */
	const char *key; /* Idempotency-Key, or NULL */
	int64_t at;      /* what the records bear, when they are written */
};

extern const struct validate_place collect_body;

/* All but the body's fields. */
bool collect_begin(struct collect *c);

/* Writes records and answer of a request, with the time that c->at says; the
 * same again when it is called again. False: they do not fit, see
 * collect_fits(). */
typedef bool collect_write(struct collect *c, void *ctx);

/* When there are faults they are told; else it is written, and once more if it
 * came before. Only what fits uses its key up. kind: as of route_first(). */
void collect_settle(
    struct collect *c, const char *kind, collect_write *write, void *ctx);

/* False when the line that begins at from is too long for a record: then
 * nothing of the request counts. */
bool collect_fits(
    struct collect *c, size_t from, const struct validate_place *at);

void collect_end(struct collect *c);

/* Members of objects: a value, null when it is NULL; a text, unless NULL. */
void collect_member(struct buf *b, const char *name, json_t *v);
void collect_optional(struct buf *b, const char *name, const char *value);

#endif
