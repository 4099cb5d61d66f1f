/*
 * tenant: one [crm NAME] section, made ready for asking: its profile is
 * compiled, its address checked, its token in a header.
 */
#ifndef POLLER_CLIENT_TENANT_H
#define POLLER_CLIENT_TENANT_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "poller/client/http.h"
#include "poller/profile/profile.h"

#include <stdbool.h>
#include <stdint.h>

/* One address of the CRM, as in the profile's about.hosts. */
struct tenant_host {
	char *base; /* the address, without a slash at its end */
	struct http_headers *headers; /* with the token; NULL: see
				       * tenant_admit() */
};

struct tenant {
	const char *name;          /* borrowed from the configuration */
	char *section;             /* "crm NAME" */
	struct tenant_host *hosts; /* the first is the CRM itself */
	size_t hosts_n;
	const char *base;   /* the first one's */
	char *token_source; /* for messages: where the token comes from */
	char *admin_source; /* likewise the admin's; NULL: there is none */
	struct http_limits limits;
	struct profile *profile;
	size_t concurrency;
	int64_t operators_every_ms, retry_budget_ms;
	int64_t budget; /* calls a month; 0: no limit */
	bool customers; /* ask about them */
	bool history_all;
	bool assign; /* chats may be given to operators */
};

/* PROG_OK, or the exit code and *why, a whole sentence. Release it in both
 * cases. */
enum exit_code tenant_open(struct tenant *t, const struct conf *c,
    const char *name, bool with_text, struct buf *why);
void tenant_release(struct tenant *t);

/* Makes the hosts ready that want the admin's token, which webhooks alone need.
 * PROG_OK, also when there is no such host; or the exit code and *why, half a
 * sentence. Once. */
enum exit_code tenant_admit(
    struct tenant *t, const struct conf *c, struct buf *why);

/* The host of that name; NULL is the CRM itself. NULL if the profile has none
 * of that name. */
const struct tenant_host *tenant_host(const struct tenant *t, const char *name);

#endif
