/*
 * tenant: a tenant of the poller, opened from its [crm NAME] section: the
 * profile is compiled, addresses are checked, and the token is in the headers.
 */
#ifndef POLLER_CRM_TENANT_H
#define POLLER_CRM_TENANT_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "poller/crm/http.h"
#include "poller/crm/profile.h"

#include <stdbool.h>
#include <stdint.h>

/* An address of the CRM, as in the profile's about.hosts. */
struct tenant_host {
	char *base;                   /* the URL without a trailing slash */
	struct http_headers *headers; /* with the token; NULL: see
				       * tenant_admit() */
	char *token;                  /* the token in the headers */
};

struct tenant {
	const char *name;          /* borrowed from the configuration */
	char *section;             /* "crm NAME" */
	struct tenant_host *hosts; /* the first is the CRM itself */
	size_t hosts_n;
	const char *base;   /* the base of the first host */
	char *token_source; /* where the token comes from, for messages */
	char *admin_source; /* the same for the admin's; NULL: none */
	struct http_limits limits;
	struct profile *profile;
	size_t concurrency;
	int64_t operators_every_ms, retry_budget_ms;
	int64_t budget;             /* calls per month; 0: no limit */
	const char *metrics;        /* [metrics] folder, borrowed; NULL: none */
	struct profile_options opt; /* the section's settings for its profile */
	bool customers;             /* ask for customers */
};

/* Returns the name or path of the section's profile, by default chat2desk;
 * borrowed. */
const char *tenant_profile(const struct conf *c, const char *section);

/* Returns the section's settings for its profile; borrowed from the
 * arguments. */
struct profile_options tenant_profile_options(const struct conf *c,
    const char *name, const char *section, bool with_text);

/* Returns PROG_OK; or the exit code and *why, a complete sentence. with_text:
 * records have the texts of messages. Release it in either case. */
enum exit_code tenant_open(struct tenant *t, const struct conf *c,
    const char *name, bool with_text, struct buf *why);
void tenant_release(struct tenant *t);

/* Sets the headers of hosts that need the admin's token, which only registering
 * webhooks uses. Returns PROG_OK, even if there is no such host; or the exit
 * code and *why, half a sentence. Call it at most once. */
enum exit_code tenant_admit(
    struct tenant *t, const struct conf *c, struct buf *why);

/* Hides the tenant's tokens in a text that may quote the CRM. */
void tenant_conceal(const struct tenant *t, struct buf *text);

/* Returns the host with that name, or the CRM itself if name is NULL. NULL: the
 * profile has no such host. */
const struct tenant_host *tenant_host(const struct tenant *t, const char *name);

#endif
