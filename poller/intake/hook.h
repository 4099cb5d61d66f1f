/*
 * hook: the configured webhooks, one per tenant: finds the tenant of a
 * delivery, authenticates the delivery, and turns its payload into records.
 * route_hooks.c does the HTTP.
 *
 * A tenant has a webhook if [crm NAME] hook says how deliveries are
 * authenticated: by a signature that the CRM computes over time and body, or by
 * a secret in the address that was registered with the CRM.
 *
 * Once the webhooks are open, several threads may call any function at the same
 * time, except hook_read(): a tenant's payloads are read one after the other in
 * the thread of its work queue, each within a second of processor time, so no
 * other tenant waits. One thread may call hooks_refresh() meanwhile. A webhook
 * that it replaces stays valid until hooks_free(), because requests may still
 * use it; the new one has the same queue.
 */
#ifndef POLLER_INTAKE_HOOK_H
#define POLLER_INTAKE_HOOK_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/digest/signature.h"
#include "common/http/web.h"
#include "poller/intake/idempotency.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of a secret in an address. */
#define HOOK_SECRET_LEAST 16
#define HOOK_SECRET_MOST 128

struct hooks;

/* The webhook of a tenant. */
struct hook {
	char *tenant, *source;    /* source: the name of its profile */
	struct work_queue *queue; /* its thread must read the payloads */
	bool original; /* the routes of the original service serve it, too */

	/* private */
	char *section; /* its section of the configuration, "crm TENANT" */
	struct profile *profile;
	const struct profile_hooks *spec;
	struct signature_scheme scheme;
	bool signs;
	bool closed;      /* serves only the routes of the original service */
	char *key;        /* the signing key, or the secret in the address */
	uint64_t version; /* of its settings and secrets */
};

/* Opens the webhooks of all tenants that have one. An error is logged and
 * closes only that webhook. Call it before threads are started. Owned by the
 * caller. */
struct hooks *hooks_open(const struct conf *c)
    __attribute__((warn_unused_result));

/* Opens the webhooks that are new or have other settings or secrets in *c. An
 * error is logged; a webhook that is open already then stays as it was, and so
 * does one that the configuration no longer has. Returns how many were
 * opened. */
size_t hooks_refresh(struct hooks *all, const struct conf *c);

/* all may be NULL. */
void hooks_free(struct hooks *all);

/* The number of webhooks that could not be opened. */
size_t hooks_failed(const struct hooks *all);

/* Finds the webhook of a tenant and a source; NULL if there is none. */
const struct hook *hook_find(const struct hooks *all, const char *tenant,
    size_t tenant_len, const char *source, size_t source_len);

/* Finds the webhook of a tenant, regardless of its source. The webhook of
 * [listen] tenant is found even if [crm NAME] hook is off. NULL if there is
 * none. */
const struct hook *hook_of(const struct hooks *all, const char *tenant);

/* Returns the path to register with the CRM, "/hooks/TENANT/SOURCE", owned by
 * the caller. Sets *secret to the text after the path and a slash, owned, or to
 * NULL. Does not need the signing key. NULL and *why on errors. */
char *hook_path(const struct conf *c, const char *tenant, char **secret,
    struct buf *why) __attribute__((warn_unused_result));

/* Authenticates a delivery: by its headers, or by the secret in its address,
 * which is NULL if it has none. *verdict is for the log. False if h is NULL. */
bool hook_authenticate(const struct hook *h, const struct web_request *r,
    const char *secret, size_t secret_len, enum signature_verdict *verdict);

enum hook_outcome {
	HOOK_RECORDS, /* read; an event may have no records */
	HOOK_PARTLY,  /* partly read; the rest was omitted */
	HOOK_FOREIGN, /* for another account than [crm] account */
	HOOK_UNKNOWN, /* an event that the profile does not know */
	HOOK_UNREAD,  /* a payload that the profile cannot read */
	HOOK_NO_JSON,
};

/* Reads a payload; call it from one thread at a time. Appends its records to
 * the answer. An event without a time gets the time at which it first arrived
 * according to the keys; its key is stored with the records. For every result
 * except HOOK_RECORDS, *why has the reason in half a sentence. */
enum hook_outcome hook_read(const struct hook *h, const struct web_request *r,
    struct idempotency *keys, struct web_answer *a, struct buf *why);

#endif
