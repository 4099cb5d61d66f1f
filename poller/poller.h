/*
 * poller: what main() fills from the command line, and the run that follows.
 */
#ifndef POLLER_POLLER_H
#define POLLER_POLLER_H

#include "common/conf.h"
#include "common/out.h"
#include "common/prog.h"
#include "poller/tenant.h"

#include <stdbool.h>
#include <stddef.h>

enum poller_mode {
	POLLER_PULL,
	POLLER_STATUS,
	POLLER_CHECK,
	POLLER_ASSIGN,
	POLLER_LISTEN,
	POLLER_REGISTER,
	POLLER_REGISTERED,
	POLLER_UNREGISTER
};

struct poller {
	enum poller_mode mode;
	const char *config, *from, *to, *state;
	const char *address, *port_file; /* --listen */
	const char *hook_url;            /* --register, --unregister */
	enum out_format format;
	bool only_check_config, with_text, quiet, dry_run;
	int verbose;
	const char **only; /* --tenant; all if there is none */
	size_t only_n, only_cap;

	/* Filled by poller_run(). */
	struct conf *conf;
	struct tenant *tenants; /* those that could be opened */
	size_t tenants_n;
	enum exit_code code; /* of the first tenant that failed */
};

void poller_init(struct poller *p);
void poller_release(struct poller *p);
void poller_add_tenant(struct poller *p, const char *name);

enum exit_code poller_run(struct poller *p);

/* Takes over the code of a tenant that failed, unless one did before. */
void poller_failed(struct poller *p, enum exit_code code);

/* The folder of the state, or NULL. */
const char *poller_state(const struct poller *p);

/* The modes; tenants are open. */
enum exit_code poller_pull(struct poller *p);
enum exit_code poller_status(struct poller *p);
enum exit_code poller_check(struct poller *p);
enum exit_code poller_register(struct poller *p);
enum exit_code poller_assign(struct poller *p);

/* --listen; needs no tenants. Until asked to stop. */
enum exit_code poller_listen(struct poller *p);

#endif
