/*
 * tenant: a tenant of the poller, opened from its [crm NAME] section: profile
 * compiled, addresses checked, token put into the headers.
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

/* One address of the CRM, as in the profile's about.hosts. */
struct tenant_host {
	char *base;                   /* the URL, without a slash at its end */
	struct http_headers *headers; /* with the token; NULL: see
				       * tenant_admit() */
	char *token;                  /* the one in them */
};

struct tenant {
	const char *name;          /* borrowed from the configuration */
	char *section;             /* "crm NAME" */
	struct tenant_host *hosts; /* the first is the CRM itself */
	size_t hosts_n;
	const char *base;   /* the first one's */
	char *token_source; /* origin of the token, for messages */
	char *admin_source; /* the same of the admin's; NULL: none */
	struct http_limits limits;
	struct profile *profile;
	size_t concurrency;
	int64_t operators_every_ms, retry_budget_ms;
	int64_t budget;             /* calls a month; 0: no limit */
	const char *metrics;        /* [metrics] folder, borrowed; NULL: none */
	char *const *bot_operators; /* ids, NULL-ended; NULL: none */
	bool customers;             /* ask for names of customers */
	bool history_all;
	bool assign; /* poller --assign may change the CRM */
};

/* What the profile of that section is told of it; borrowed from the arguments.
 */
struct profile_options tenant_profile_options(const struct conf *c,
    const char *name, const char *section, bool with_text);

/* PROG_OK; or the exit code and *why, a whole sentence. with_text: records
 * bear the texts of messages. Release it in both cases. */
enum exit_code tenant_open(struct tenant *t, const struct conf *c,
    const char *name, bool with_text, struct buf *why);
void tenant_release(struct tenant *t);

/* Sets the headers of the hosts that need the admin's token; only registering
 * webhooks uses them. PROG_OK, also when there is no such host; or the exit
 * code and *why, half a sentence. Call it once at most. */
enum exit_code tenant_admit(
    struct tenant *t, const struct conf *c, struct buf *why);

/* Conceals the tenant's tokens in a text that may quote the CRM. */
void tenant_conceal(const struct tenant *t, struct buf *text);

/* The host of that name, or of the CRM itself if name is NULL. NULL: the
 * profile has no such host. */
const struct tenant_host *tenant_host(const struct tenant *t, const char *name);

#endif
