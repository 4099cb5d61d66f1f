/*
 * listener_context: what the routes share: the configuration, read once, and
 * the keys of requests that came before. Opened by the listener, read by all
 * its threads; members that change have locks of their own.
 *
 * Each group of routes has its members here and opens them in
 * listener_context_open().
 */
#ifndef POLLER_INTAKE_LISTENER_CONTEXT_H
#define POLLER_INTAKE_LISTENER_CONTEXT_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/http/client_limits.h"
#include "common/tokens/jwt.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * known_operators: the operators of each tenant: those that [crm NAME]
 * operators names, and those that the CRM listed at the last poll; and which
 * accounts of them are bots, by bot_operators there. Those of the CRM are read
 * from the poller's state, again once a minute, also when it was missing before
 * or was replaced. Nothing is written to it but LMDB's lock file.
 *
 * Any thread may call known_operators_find() at any time.
 */

struct known_operators;

/* The numbers are kept with the keys of requests. */
enum known_operator {
	KNOWN_OPERATOR_NONE = 0,
	KNOWN_OPERATOR_PERSON = 1,
	KNOWN_OPERATOR_BOT = 2
};

enum known_operator known_operators_find(struct known_operators *l,
    const char *tenant, const char *id, int64_t now_ms);

/* ---- listener context ---- */

struct hooks;
struct idempotency;
struct intake;
struct request_store;
struct server_counts;
struct known_operators;

struct listener_context {
	const struct conf *conf; /* borrowed */

	/* The tenant of the routes whose paths name none; NULL: they answer
	 * 404. */
	const char *tenant;
	struct networks trusted;           /* may use routes without a secret */
	struct jwt_conf tokens;            /* no keys: no bearer tokens */
	struct known_operators *operators; /* of each tenant */
	struct idempotency *keys;          /* of requests that came before */
	/* Where records go; borrowed, set by the listener before the first
	 * request. NULL: none is open. */
	struct intake *intake;
	/* What the server counts; likewise. NULL: nobody does. */
	const struct server_counts *counts;
	size_t max_events;
	/* Webhooks of CRMs; see hook.h. */
	struct hooks *hooks;
};

/* state: the folder with what polls know of operators, store: where keys are
 * kept; NULL if there is none. The configuration must outlive it. NULL, the
 * code and *why, a whole sentence. Owned. */
struct listener_context *listener_context_open(const struct conf *conf,
    const char *state, struct request_store *store, enum exit_code *code,
    struct buf *why) __attribute__((warn_unused_result));

/* True when the client at this address may use a route without a secret. peer:
 * as in struct web_request. */
bool listener_context_trusts(
    const struct listener_context *in, const char *peer);

/* NULL is fine. No request may be open. */
void listener_context_close(struct listener_context *in);

#endif
