/*
 * register: the webhooks of tenants at their CRMs, by the CRMs' APIs: what
 * `poller --register`, `--registered` and `--unregister` do.
 */
#ifndef POLLER_HOOKS_REGISTER_H
#define POLLER_HOOKS_REGISTER_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "poller/client/http.h"
#include "poller/client/tenant.h"
#include "poller/profile/profile_webhooks.h"

#include <stddef.h>

/* One tenant's webhooks, while they are worked at. */
struct registry {
	struct http *http;
	const struct conf *conf;
	const struct tenant *tenant;
	const char *base;    /* the listener's address from outside, or NULL */
	char *path, *secret; /* hook_path()'s; NULL if it is off */
	char *url;           /* base, path and secret; NULL: no base */
	struct webhooks there;
};

/* Asks for all that there are. base may be NULL. PROG_OK, or the code and
 * *why, half a sentence. Release it in both cases. */
enum exit_code registry_open(struct registry *r, struct http *http,
    const struct conf *c, const struct tenant *t, const char *base,
    struct buf *why) __attribute__((warn_unused_result));
void registry_release(struct registry *r);

/* Registers the tenant's address, or changes what stands there already. What
 * the CRM made up to sign with goes to hook_secret_file. */
enum exit_code registry_add(struct registry *r, struct buf *why)
    __attribute__((warn_unused_result));

/* Removes all of the tenant's at this address; *n: how many. */
enum exit_code registry_remove(struct registry *r, size_t *n, struct buf *why)
    __attribute__((warn_unused_result));

/* How an address may be shown: ours without its secret, of others' the host
 * alone. */
void registry_show_url(
    const struct registry *r, const char *url, struct buf *out);

#endif
