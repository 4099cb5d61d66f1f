/*
 * listener_context: the data that the routes share: the configuration, read
 * once, and the keys of earlier requests. The listener opens it and all its
 * threads read it; members that change have locks of their own.
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
 * known_operators: the operators of each tenant: those in [crm NAME] operators
 * and those that the CRM listed at the last poll. [crm NAME] bot_operators
 * lists the bots among them. The CRM's operators are read from the poller's
 * state once a minute, even if the state was missing before or was replaced.
 * Only LMDB's lock file is written there.
 *
 * Any thread may call known_operators_find() at any time.
 */

struct known_operators;

/* The values are stored with the keys of requests. */
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

	/* The tenant for routes whose paths name no tenant; NULL: these routes
	 * answer 404. */
	const char *tenant;
	struct networks trusted; /* these addresses may use routes
				  * without a secret */
	struct jwt_conf tokens;  /* without keys, bearer tokens are not
				  * used */
	struct known_operators *operators; /* of each tenant */
	struct idempotency *keys;          /* keys of earlier requests */
	/* Where records go. Borrowed; the listener sets it before the first
	 * request. NULL in a check. */
	struct intake *intake;
	/* The server's counts. Borrowed and set in the same way; NULL if
	 * requests are not counted. */
	const struct server_counts *counts;
	size_t max_events;
	/* Webhooks of CRMs; see hook.h. */
	struct hooks *hooks;
};

/* state: the folder in which polls keep the operators; store: where keys are
 * kept; either may be NULL. The configuration must outlive the result, which is
 * owned by the caller. Returns NULL on errors, with the exit code and *why, a
 * complete sentence. */
struct listener_context *listener_context_open(const struct conf *conf,
    const char *state, struct request_store *store, enum exit_code *code,
    struct buf *why) __attribute__((warn_unused_result));

/* True if the client at this address may use a route without a secret. peer: as
 * in struct web_request. */
bool listener_context_trusts(
    const struct listener_context *in, const char *peer);

/* in may be NULL. No request may be open. */
void listener_context_close(struct listener_context *in);

#endif
