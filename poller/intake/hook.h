/*
 * hook: the webhooks of the configuration, one a tenant: finds the tenant of a
 * delivery, authenticates it, and turns its payload into records. HTTP is left
 * to route_hooks.c.
 *
 * A tenant has a webhook when [crm NAME] hook says how deliveries are
 * authenticated: by a signature that the CRM makes over time and body, or by a
 * secret in the address that the CRM was given.
 *
 * All functions may be called by several threads at a time once the webhooks
 * are open, but for hook_read(): the payloads of a tenant are read one after
 * the other, each within a second of processor time, in the thread of the
 * tenant's work queue, so that no other tenant waits.
 */
#ifndef POLLER_INTAKE_HOOK_H
#define POLLER_INTAKE_HOOK_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/http/signature.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of a secret in an address. */
#define HOOK_SECRET_LEAST 16
#define HOOK_SECRET_MOST 128

struct hooks;
struct hook;
struct work_queue;

/* Opens the webhooks of all tenants that have one. An error is logged and
 * closes that webhook only. Call it before there are threads. Owned. */
struct hooks *hooks_open(const struct conf *c)
    __attribute__((warn_unused_result));

/* NULL is fine. */
void hooks_free(struct hooks *all);

/* How many could not be opened. */
size_t hooks_failed(const struct hooks *all);

/* The webhook of a tenant and source, the name of its profile; NULL: none. */
const struct hook *hook_find(const struct hooks *all, const char *tenant,
    size_t tenant_len, const char *source, size_t source_len);

/* The webhook of a tenant, whatever its source; also when [crm NAME] hook is
 * off, if it is [listen] tenant. NULL: none. */
const struct hook *hook_of(const struct hooks *all, const char *tenant);

/* The path to register at the CRM: "/hooks/TENANT/SOURCE", and in *secret what
 * follows it behind a slash, owned, or NULL. Needs no key of signatures. NULL
 * and *why. Owned. */
char *hook_path(const struct conf *c, const char *tenant, char **secret,
    struct buf *why) __attribute__((warn_unused_result));

const char *hook_tenant(const struct hook *h);
const char *hook_source(const struct hook *h);

/* The queue in whose thread its payloads are to be read. */
struct work_queue *hook_queue(const struct hook *h);

/* A delivery. All borrowed. */
struct hook_delivery {
	const char *body;
	size_t len;
	int64_t now_ms;
	const char *secret; /* of the address; NULL: none */
	size_t secret_len;
	/* A header of any case, or NULL. */
	const char *(*header)(const void *ctx, const char *name);
	/* When the delivery of that name (once) came for the first time;
	 * now_ms: now. NULL: not remembered. */
	int64_t (*first)(const void *ctx, const char *once);
	const void *ctx;
};

/* Authenticates a delivery; *verdict is for the log. False for NULL. */
bool hook_authenticate(const struct hook *h, const struct hook_delivery *d,
    enum signature_verdict *verdict);

/* The results of deliveries of which the log warns. */
enum hook_result {
	HOOK_KEPT,    /* as a dead letter */
	HOOK_REFUSED, /* not authentic, of another account, or no JSON */
	HOOK_RESULTS
};

/* Counts a result. How many there were since the last warning about it, if
 * another one is due, else 0. */
unsigned hook_count(struct hooks *all, enum hook_result what, int64_t now_ms);

enum hook_outcome {
	HOOK_RECORDS, /* perhaps none: an event without records */
	HOOK_PARTLY,  /* some, and others that are left out */
	HOOK_FOREIGN, /* of another account than [crm] account */
	HOOK_UNKNOWN, /* an event that the profile has not */
	HOOK_UNREAD,  /* the profile cannot read it */
	HOOK_NO_JSON,
};

/* Reads a payload, in one thread at a time. Appends its records, each a line
 * with its newline, and adds their number to *n; of all but HOOK_RECORDS *why
 * says what is wrong, half a sentence. */
enum hook_outcome hook_read(const struct hook *h, const struct hook_delivery *d,
    struct buf *records, size_t *n, struct buf *why);

#endif
