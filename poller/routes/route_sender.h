/*
 * route_sender: whose request it is, and whether it came before: what the
 * routes that take messages and events have in common.
 */
#ifndef POLLER_ROUTES_ROUTE_SENDER_H
#define POLLER_ROUTES_ROUTE_SENDER_H

#include "common/http/web.h"
#include "common/records/record.h"
#include "poller/idempotency/idempotency.h"
#include "poller/routes/validate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct listener_context;

struct sender {
	char tenant[RECORD_MAX_TENANT + 1];
	bool by_token; /* a bearer token named the tenant */
};

/* When bearer tokens are asked for: false and 401 when the request has none
 * that counts. */
bool route_token(const struct listener_context *in, const struct web_request *r,
    struct web_answer *a, struct sender *s);

/* As the originals see it: no type, or one that is JSON. */
bool route_says_json(const struct web_request *r);

/* Of a request that bears no secret: whether it comes from who is trusted, and
 * not by a page of the web. False and the answer, to strangers that status. */
bool route_is_ours(const struct listener_context *in,
    const struct web_request *r, int stranger, struct web_answer *a);

/* What the request's Idempotency-Key says: *key is NULL when there is none;
 * false when it is no key (1 to IDEMPOTENCY_KEY_MAX visible ASCII letters). */
bool route_key(const struct web_request *r, const char **key);

/* Forgets the records that the answer has so far, and its body. */
void route_take_back(struct web_answer *a);

/* Of a request that is good, and whose records fit: a key is used up by it. The
 * time that its records bear. note: what else has to be the same the next
 * time, and is then as it was; may be NULL. */
enum idempotency_verdict route_first(const struct listener_context *in,
    const struct web_request *r, const struct sender *s, const char *kind,
    const char *key, uint64_t *note, int64_t *at);

/* 503: try again in a moment. */
void route_busy(struct web_answer *a);

#endif
