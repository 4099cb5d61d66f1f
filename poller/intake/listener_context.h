/*
 * listener_context: the data that the routes share: the configuration and the
 * keys of earlier requests. The listener opens it and all its threads read it;
 * members that change have locks of their own.
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

struct hook_coverage;
struct hooks;
struct idempotency;
struct intake;
struct request_store;
struct server_counts;

struct listener_context {
	const struct conf *_Atomic conf; /* the present sections of tenants */
	struct conf **read;              /* by listener_context_refresh();
					  * requests may use any of them */
	size_t read_n, read_cap;

	/* The tenant for routes whose paths name no tenant; NULL: these routes
	 * answer 404. */
	const char *tenant;
	struct networks trusted;  /* these addresses may use routes
				   * without a secret */
	struct jwt_conf tokens;   /* without keys, bearer tokens are not
				   * used */
	struct idempotency *keys; /* keys of earlier requests */
	/* Where records go. Borrowed; the listener sets it before the first
	 * request. NULL in a check. */
	struct intake *intake;
	/* The server's counts. Borrowed and set in the same way; NULL if
	 * requests are not counted. */
	const struct server_counts *counts;
	size_t max_events;
	/* Webhooks of CRMs; see hook.h. */
	struct hooks *hooks;
	/* What is stated about them. Borrowed; set by the listener, NULL in a
	 * check. */
	struct hook_coverage *coverage;
};

/* store: where keys are kept; NULL in a check. The configuration must outlive
 * the result, which is owned by the caller. Returns NULL on errors, with the
 * exit code and *why, a complete sentence. */
struct listener_context *listener_context_open(const struct conf *conf,
    struct request_store *store, enum exit_code *code, struct buf *why)
    __attribute__((warn_unused_result));

/* Takes over tenants, their settings and the secrets of their webhooks from a
 * configuration that was read again, and owns it. Returns how many webhooks are
 * new or changed. Only one thread may call it. */
size_t listener_context_refresh(struct listener_context *in, struct conf *conf);

/* True if the client at this address may use a route without a secret. peer: as
 * in struct web_request. */
bool listener_context_trusts(
    const struct listener_context *in, const char *peer);

/* in may be NULL. No request may be open. */
void listener_context_close(struct listener_context *in);

#endif
