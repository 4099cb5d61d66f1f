/*
 * poller: what a run was asked to do, the tenants that it does it for, and the
 * modes, a file each.
 */
#ifndef POLLER_MODES_POLLER_H
#define POLLER_MODES_POLLER_H

#include "common/base/prog.h"
#include "common/conf/conf.h"
#include "common/options/option_table.h"
#include "common/text/out.h"
#include "poller/client/tenant.h"

#include <stdbool.h>
#include <stddef.h>

struct poller {
	struct option_common common; /* first: see option_table.h */
	const char *from, *to, *state;
	const char *address, *port_file; /* --listen */
	const char *hook_url;            /* --register, --unregister */
	enum out_format format;
	bool with_text, dry_run;
	const char **only; /* --tenant; all if there is none */
	size_t only_n, only_cap;

	/* Filled by poller_open(). */
	struct tenant *tenants; /* those that could be opened */
	size_t tenants_n;
	enum exit_code code; /* of the first tenant that failed */
};

extern const struct option_mode
    poller_mode_pull; /* without an option of a mode */
extern const struct option_mode poller_mode_status;
extern const struct option_mode poller_mode_check;
extern const struct option_mode poller_mode_assign;
extern const struct option_mode poller_mode_listen;
extern const struct option_mode poller_mode_register;
extern const struct option_mode poller_mode_registered;
extern const struct option_mode poller_mode_unregister;

/* Rows of several modes. */
#define POLLER_TO                                                              \
	OPTION_TEXT('t', "to", "TO", struct poller, to,                        \
	    "where records go: -, a file, queue:NAME, exchange:NAME")
#define POLLER_STATE(help)                                                     \
	OPTION_TEXT(0, "state", "DIR", struct poller, state, help)
#define POLLER_TENANT                                                          \
	{                                                                      \
		"tenant", "NAME", "this tenant only; may be repeated", 0,      \
		    poller_take_tenant, OPTION_KIND_TAKE, 0, false             \
	}
#define POLLER_TEXT                                                            \
	OPTION_FLAG(                                                           \
	    "with-text", struct poller, with_text, "with what was written")

/* take() of POLLER_TENANT. */
int poller_take_tenant(const char *name, void *poller);

/* Sets [poller] with_text by --with-text, and the reverse. */
void poller_resolve_text(struct poller *p);

/* Opens the tenants that were asked for. False: there is nothing to do but to
 * end with p->code; what is wrong was told. Asking is for modes that ask the
 * CRM what there is: they leave out, unless it is named, a tenant that has
 * webhooks and no token. */
bool poller_open(struct poller *p, bool asking);

void poller_release(struct poller *p);

/* Takes over the code of a tenant that failed, unless one did before. */
void poller_failed(struct poller *p, enum exit_code code);

/* The folder of the state, or NULL. */
const char *poller_state(const struct poller *p);

#endif
