/*
 * poller: see poller.h.
 */
#include "poller/poller.h"

#include <stdlib.h>
#include <string.h>

#include "common/endpoint.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "poller/pull.h"

void
poller_init(struct poller *p)
{
	*p = (struct poller){ .mode = POLLER_PULL };
}

void
poller_add_tenant(struct poller *p, const char *name)
{
	XGROW(p->only, p->only_n, p->only_cap);
	p->only[p->only_n++] = name;
}

void
poller_release(struct poller *p)
{
	size_t i;

	for (i = 0; i < p->tenants_n; i++)
		tenant_release(&p->tenants[i]);
	free(p->tenants);
	free(p->only);
	crm_record_end();
	value_end();
	conf_free(p->conf);
}

void
poller_failed(struct poller *p, enum exit_code code)
{
	if (p->code == PROG_OK)
		p->code = code;
}

const char *
poller_state(const struct poller *p)
{
	return p->state != NULL ? p->state
				: conf_text(p->conf, "poller", "state");
}

static bool
is_chosen(const struct poller *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->only_n; i++) {
		if (strcmp(p->only[i], name) == 0)
			return true;
	}
	return p->only_n == 0;
}

/* Opens the tenants that were asked for. What is wrong with one of them is
 * told and stops that one only. */
static void
open_tenants(struct poller *p)
{
	size_t n = conf_tenants(p->conf), i;
	struct buf why = BUF_INIT;
	enum exit_code code;

	p->tenants = xcalloc(n + 1, sizeof *p->tenants);
	for (i = 0; i < n; i++) {
		const char *name = conf_tenant(p->conf, i);
		struct tenant *t = &p->tenants[p->tenants_n];

		if (!is_chosen(p, name))
			continue;
		buf_clear(&why);
		if (conf_tenant_error(p->conf, i) != NULL) {
			buf_adds(&why, conf_tenant_error(p->conf, i));
			code = PROG_CONFIG;
		} else {
			code =
			    tenant_open(t, p->conf, name, p->with_text, &why);
			if (code == PROG_OK)
				p->tenants_n++;
			else
				tenant_release(t);
		}
		if (code != PROG_OK) {
			poller_failed(p, code);
			log_error("tenant %s: %s", name, buf_str(&why));
		}
	}
	buf_release(&why);
}

/* --tenant names that are not there. */
static int
check_chosen(struct poller *p)
{
	size_t i, j, n = conf_tenants(p->conf);

	if (n == 0) {
		log_error("no tenant is configured; write a [crm NAME] "
			  "section, or set CRM_URL and CRM_TOKEN");
		return -1;
	}
	for (i = 0; i < p->only_n; i++) {
		for (j = 0; j < n; j++) {
			if (strcmp(p->only[i], conf_tenant(p->conf, j)) == 0)
				break;
		}
		if (j == n) {
			log_error("there is no tenant '%s'; see the [crm "
				  "NAME] sections",
			    p->only[i]);
			return -1;
		}
	}
	return 0;
}

/* --with-text is the key of the same name, for all who ask for it. */
static void
settle_text(struct poller *p)
{
	struct buf why = BUF_INIT;

	if (p->with_text &&
	    conf_set(p->conf, "poller", "with_text", "yes", &why) != 0)
		prog_die(PROG_SOFTWARE, "%s", buf_str(&why));
	p->with_text = conf_bool(p->conf, "poller", "with_text");
	buf_release(&why);
}

/* A poll does not need what webhooks are registered with: the doctor says that
 * it is missing, and no more. */
static void
look_at_admin_tokens(struct poller *p)
{
	struct buf why = BUF_INIT;
	size_t i;

	for (i = 0; i < p->tenants_n; i++) {
		struct tenant *t = &p->tenants[i];

		buf_clear(&why);
		if (strcmp(conf_text(p->conf, t->section, "hook"), "off") !=
			0 &&
		    tenant_admit(t, p->conf, &why) != PROG_OK)
			log_warn("tenant %s: %s", t->name, buf_str(&why));
	}
	buf_release(&why);
}

enum exit_code
poller_run(struct poller *p)
{
	struct buf why = BUF_INIT;

	p->conf = conf_load(p->config, &why);
	if (p->conf == NULL)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	if (p->conf != NULL)
		settle_text(p);
	if (p->conf != NULL && p->mode == POLLER_LISTEN)
		return poller_listen(p);
	if (p->conf == NULL || check_chosen(p) != 0)
		return PROG_CONFIG;
	open_tenants(p);
	if (p->only_check_config)
		return p->code;
	switch (p->mode) {
	case POLLER_PULL:
		return poller_pull(p);
	case POLLER_STATUS:
		return poller_status(p);
	case POLLER_CHECK:
		look_at_admin_tokens(p);
		return poller_check(p);
	case POLLER_ASSIGN:
		return poller_assign(p);
	case POLLER_REGISTER:
	case POLLER_REGISTERED:
	case POLLER_UNREGISTER:
		return poller_register(p);
	case POLLER_LISTEN:
		break;
	}
	return p->code;
}
