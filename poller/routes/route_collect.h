/*
 * route_collect: what the routes of the analytics API share: sender, tenant and
 * body of a request, and the errors, in the shape of the original service
 * (FastAPI).
 *
 * A route calls collect_begin(), checks the fields of the body, and calls
 * collect_finish(), which writes records and answer. A step that returns false
 * has made the answer.
 */
#ifndef POLLER_ROUTES_ROUTE_COLLECT_H
#define POLLER_ROUTES_ROUTE_COLLECT_H

#include "common/http/web.h"
#include "poller/routes/route_auth.h"
#include "poller/routes/route_ids.h"
#include "poller/routes/validate.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One request. The first three are set by the caller. */
struct collect {
	const struct listener_context *in;
	const struct web_request *r;
	struct web_answer *a;
	struct sender sender;
	struct validate_errors errors;
	json_t *body;    /* NULL: there is none, which is an error already */
	const char *key; /* Idempotency-Key, or NULL */
	struct first_request first; /* its time is that of the records */
};

extern const struct validate_place collect_body;

/* Checks all but the fields of the body. */
bool collect_begin(struct collect *c);

/* Writes records and answer of a request, with the time of c->first; the same
 * when it is called again. False: they do not fit, see collect_fits(). */
typedef bool collect_write(struct collect *c, void *ctx);

/* Answers with the errors, if there are any; else writes, and writes once more,
 * with the first time, if the request came before. A request that does not fit
 * does not use its key up. kind: as of route_first(). */
void collect_finish(
    struct collect *c, const char *kind, collect_write *write, void *ctx);

/* The id of what a collect_write() writes: that of the key, or a new one. */
void collect_id(const struct collect *c, char id[ROUTE_KEY_ID]);

/* False when the line that begins at from is too long for a record: then the
 * request has no records. */
bool collect_fits(
    struct collect *c, size_t from, const struct validate_place *at);

void collect_end(struct collect *c);

/* Appends a member of an object: a value, null when it is NULL. */
void collect_member(struct buf *b, const char *name, json_t *v);

#endif
