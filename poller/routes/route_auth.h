/*
 * route_auth: who sends a request, whether its content type is one that a page
 * of another origin cannot send (415), and whether it came before: what the
 * routes of messages and events share.
 */
#ifndef POLLER_ROUTES_ROUTE_AUTH_H
#define POLLER_ROUTES_ROUTE_AUTH_H

#include "common/http/web.h"
#include "common/records/record.h"
#include "poller/intake/idempotency.h"
#include "poller/routes/route_ids.h"
#include "poller/routes/validate.h"

#include <stdbool.h>
#include <stdint.h>

struct listener_context;

struct sender {
	char tenant[RECORD_MAX_TENANT + 1];
	bool by_token; /* a bearer token named the tenant */
};

/* When bearer tokens are required: false and 401 when the request has no valid
 * one. */
bool route_token(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a, struct sender *s);

/* As in the originals: no content type, or one that is JSON. */
bool route_says_json(const struct web_request *r);

/* For a request without a secret: true when its client is trusted, and it is
 * not sent by a web page. False and the answer; to other clients with the
 * status stranger. */
bool route_is_trusted(const struct listener_context *in,
    const struct web_request *r, int stranger, struct web_answer *a);

/* Reads Idempotency-Key: *key is NULL when there is none; false when it is not
 * a key (1 to IDEMPOTENCY_KEY_MAX visible ASCII letters). */
bool route_key(const struct web_request *r, const char **key);

/* Removes the records and the body of the answer. */
void route_clear_answer(struct web_answer *a);

/* Looks up the key of a valid request whose records fit, and remembers it.
 * *first is how it comes now, with the note of the route, and becomes how it
 * first came. */
enum idempotency_verdict route_first(const struct listener_context *in,
    const struct web_request *r, const struct sender *s, const char *kind,
    const char *key, struct first_request *first);

/* Answers 503 with a Retry-After of one second. */
void route_busy(struct web_answer *a);

#endif
