/*
 * hook: the webhooks that the configuration allows, one a tenant: whose they
 * are, how each proves where it comes from, and what its payload says as
 * records. Knows nothing of HTTP; route_hooks.c does.
 *
 * A tenant has webhooks when [crm NAME] hook says how they prove themselves:
 * by a signature that the CRM makes over time and body, or by a secret that
 * stands in the address the CRM was given.
 *
 * All may be called by several threads at a time once they are open, but for
 * hook_read(): the payloads of a tenant are read one after the other, each
 * within a second of processor time, on the tenant's lane, so that nobody
 * else waits for them.
 */
#ifndef POLLER_HOOKS_HOOK_H
#define POLLER_HOOKS_HOOK_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/http/signature.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a secret that stands in an address. */
#define HOOK_SECRET_LEAST 16
#define HOOK_SECRET_MOST 128

struct hooks;
struct hook;
struct work_queue;

/* Opens the webhooks of all tenants that have some. What is wrong with one of
 * them is told and stops that one only. Call it before there are threads.
 * Owned. */
struct hooks *hooks_open(const struct conf *c)
    __attribute__((warn_unused_result));

/* NULL is fine. */
void hooks_free(struct hooks *all);

/* Those that something was wrong with. */
size_t hooks_failed(const struct hooks *all);

/* The webhook of a tenant and source, which is the name of its profile; NULL:
 * there is none. */
const struct hook *hook_find(const struct hooks *all, const char *tenant,
    size_t tenant_len, const char *source, size_t source_len);

/* The tenant's, whatever its source, and also when [crm NAME] hook is off, if
 * it is [listen] tenant; or NULL. */
const struct hook *hook_of(const struct hooks *all, const char *tenant);

/* What stands behind the listener's address for a tenant, for who registers
 * it: "/hooks/TENANT/SOURCE", and in *secret what has to follow a slash, owned,
 * or NULL. Needs no key of signatures. NULL and *why. Owned. */
char *hook_path(const struct conf *c, const char *tenant, char **secret,
    struct buf *why) __attribute__((warn_unused_result));

const char *hook_tenant(const struct hook *h);
const char *hook_source(const struct hook *h);

/* Where its payloads are to be read. */
struct work_queue *hook_queue(const struct hook *h);

/* What came. All borrowed. */
struct hook_delivery {
	const char *body;
	size_t len;
	int64_t now_ms;
	const char *secret; /* of the address; NULL: none */
	size_t secret_len;
	/* A header of any case, or NULL. */
	const char *(*header)(const void *ctx, const char *name);
	/* When what bears that name came for the first time, now_ms if that is
	 * now. NULL: nobody remembers. */
	int64_t (*first)(const void *ctx, const char *once);
	const void *ctx;
};

/* Whether it comes from who it says; else *verdict tells the log why not. h
 * NULL takes as long as any and is false. */
bool hook_proves(const struct hook *h, const struct hook_delivery *d,
    enum signature_verdict *verdict);

/* What became of deliveries; counted, and told in the log: see hooks_tell. */
enum hook_tally {
	HOOK_TAKEN,
	HOOK_KEPT,    /* as a dead letter */
	HOOK_REFUSED, /* it did not prove where it comes from */
	HOOK_TALLIES
};

/* Counts one: how many there were since the last line of the log about such
 * ones, if it is time for one again, else 0. */
unsigned hook_count(struct hooks *all, enum hook_tally what, int64_t now_ms);

/* Tells all counts so far in the log (-v): every ten minutes, if there are new
 * ones since; hooks_free does so at the end. For one thread, which calls it now
 * and then; now_mono: milliseconds of a clock that only goes on. */
void hooks_tell(struct hooks *all, int64_t now_mono);

enum hook_outcome {
	HOOK_RECORDS, /* perhaps none: it tells of nothing that is counted */
	HOOK_UNKNOWN, /* an event that the profile does not know */
	HOOK_UNREAD,  /* the profile cannot read it */
	HOOK_NO_JSON,
};

/* In one thread at a time. Its records, each a line with its newline, appended
 * and counted; of all but RECORDS *why says what is wrong, half a sentence. */
enum hook_outcome hook_read(const struct hook *h, const struct hook_delivery *d,
    struct buf *records, size_t *n, struct buf *why);

#endif
