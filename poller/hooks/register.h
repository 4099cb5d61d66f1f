/*
 * register: lists, adds and removes the webhooks of a tenant at its CRM, over
 * the CRM's API: `poller --register`, `--registered` and `--unregister`.
 */
#ifndef POLLER_HOOKS_REGISTER_H
#define POLLER_HOOKS_REGISTER_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "poller/client/http.h"
#include "poller/client/tenant.h"
#include "poller/profile/profile_webhooks.h"

#include <stddef.h>

/* The webhooks of one tenant at its CRM. */
struct registry {
	struct http *http;
	const struct conf *conf;
	const struct tenant *tenant;
	const char *base;    /* the listener's address from outside, or NULL */
	char *path, *secret; /* hook_path()'s; NULL if it is off */
	char *url;           /* base, path and secret; NULL: no base */
	struct webhooks there;
};

/* Lists those that are registered, in r->there. base may be NULL. PROG_OK, or
 * the code and *why, half a sentence. Release it in both cases. */
enum exit_code registry_open(struct registry *r, struct http *http,
    const struct conf *c, const struct tenant *t, const char *base,
    struct buf *why) __attribute__((warn_unused_result));
void registry_release(struct registry *r);

/* What registry_open() and registry_add() find in the configuration, without
 * asking the CRM: for -n. adds: with what only the latter needs. Release it in
 * both cases. */
enum exit_code registry_check(struct registry *r, const struct conf *c,
    const struct tenant *t, const char *base, bool adds, struct buf *why)
    __attribute__((warn_unused_result));

/* Registers the tenant's address, or updates its webhook. A key that the CRM
 * makes up is written to hook_secret_file. */
enum exit_code registry_add(struct registry *r, struct buf *why)
    __attribute__((warn_unused_result));

/* Removes all webhooks of the tenant at this address; *n: how many. */
enum exit_code registry_remove(struct registry *r, size_t *n, struct buf *why)
    __attribute__((warn_unused_result));

/* Appends an address for people: ours without its secret, of others the host
 * alone. */
void registry_show_url(
    const struct registry *r, const char *url, struct buf *out);

#endif
