/*
 * modes: see modes.h.
 */
#include "poller/modes/modes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/stop.h"
#include "poller/crm/profile.h"

int
poller_take_tenant(const char *name, void *poller)
{
	struct poller *p = poller;

	XGROW(p->only, p->only_n, p->only_cap);
	p->only[p->only_n++] = name;
	return -1;
}

void
poller_release(struct poller *p)
{
	size_t i;

	for (i = 0; i < p->tenants_n; i++)
		tenant_release(&p->tenants[i]);
	free(p->tenants);
	free(p->only);
	free(p->default_state);
}

void
poller_failed(struct poller *p, enum exit_code code)
{
	if (p->code == PROG_OK)
		p->code = code;
}

const char *
poller_named_state(const struct poller *p)
{
	return p->state != NULL ? p->state
				: conf_text(p->common.conf, "poller", "state");
}

const char *
poller_state(struct poller *p)
{
	const char *named = poller_named_state(p);
	struct buf why = BUF_INIT;

	if (named != NULL)
		return named;
	if (p->default_state == NULL && !p->no_state) {
		p->default_state = state_folder("poller", &why);
		p->no_state = p->default_state == NULL;
		if (p->no_state)
			log_warn("each poll reads everything, because there is "
				 "no state folder: %s; set [poller] state",
			    buf_str(&why));
	}
	buf_release(&why);
	return p->default_state;
}

const char *
poller_to(const struct poller *p)
{
	return p->to != NULL ? p->to
			     : conf_text(p->common.conf, "poller", "to");
}

int
poller_check_ends(void *poller)
{
	const struct poller *p = poller;

	return endpoint_check_ends(
	    p->from != NULL ? p->from : "-", p->to, "-t");
}

static bool
is_tenant_selected(const struct poller *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->only_n; i++) {
		if (strcmp(p->only[i], name) == 0)
			return true;
	}
	return p->only_n == 0;
}

/* True for a tenant that only has webhooks: without a token its CRM cannot be
 * queried. */
static bool
has_webhooks_only(const struct poller *p, const char *name)
{
	char *section = xasprintf("crm %s", name);
	bool hooks_only =
	    strcmp(conf_text(p->common.conf, section, "hook"), "off") != 0 &&
	    conf_text(p->common.conf, section, "token") == NULL &&
	    conf_text(p->common.conf, section, "token_file") == NULL;

	free(section);
	return hooks_only && p->only_n == 0;
}

bool
poller_leaves_out(const struct poller *p, struct text tenant)
{
	const struct conf *c = p->common.conf;
	size_t n = conf_tenants(c), i;

	for (i = 0; i < n; i++) {
		const char *name = conf_tenant(c, i);

		if (text_is(tenant, name))
			return !is_tenant_selected(p, name) ||
			       (conf_tenant_error(c, i) == NULL &&
				   has_webhooks_only(p, name));
	}
	return p->only_n > 0;
}

/* Opens the selected tenants. An error in one of them is logged and excludes
 * only that one. */
static void
open_tenants(struct poller *p, bool asking)
{
	size_t n = conf_tenants(p->common.conf), i;
	struct buf why = BUF_INIT;
	enum exit_code code;

	p->tenants = xcalloc(n + 1, sizeof *p->tenants);
	for (i = 0; i < n; i++) {
		const char *name = conf_tenant(p->common.conf, i);
		struct tenant *t = &p->tenants[p->tenants_n];

		if (!is_tenant_selected(p, name))
			continue;
		buf_clear(&why);
		if (conf_tenant_error(p->common.conf, i) == NULL && asking &&
		    has_webhooks_only(p, name)) {
			log_info("not_polled",
			    "tenant=%s reason=\"it has webhooks, no token\"",
			    name);
			continue;
		}
		if (conf_tenant_error(p->common.conf, i) != NULL) {
			buf_adds(&why, conf_tenant_error(p->common.conf, i));
			code = PROG_CONFIG;
		} else {
			code = tenant_open(
			    t, p->common.conf, name, p->with_text, &why);
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

/* Returns -1, after logging, if --tenant names a tenant that is not
 * configured. */
static int
check_selected(struct poller *p)
{
	size_t i, j, n = conf_tenants(p->common.conf);
	struct buf source = BUF_INIT;

	if (n == 0) {
		conf_add_source(p->common.conf, &source);
		log_error("no tenant is configured; add a [crm NAME] section, "
			  "or set CRM_PROFILE, CRM_URL and CRM_TOKEN_FILE%s",
		    buf_str(&source));
		buf_release(&source);
		return -1;
	}
	for (i = 0; i < p->only_n; i++) {
		for (j = 0; j < n; j++) {
			if (strcmp(p->only[i],
				conf_tenant(p->common.conf, j)) == 0)
				break;
		}
		if (j == n) {
			log_error(
			    "unknown tenant '%s'; see the [crm NAME] sections",
			    p->only[i]);
			return -1;
		}
	}
	return 0;
}

void
poller_resolve_text(struct poller *p)
{
	struct buf why = BUF_INIT;

	if (p->with_text &&
	    conf_set(p->common.conf, "poller", "with_text", "yes", &why) != 0)
		prog_die(PROG_SOFTWARE, "%s", buf_str(&why));
	p->with_text = conf_bool(p->common.conf, "poller", "with_text");
	buf_release(&why);
}

bool
poller_open(struct poller *p, bool asking)
{
	poller_resolve_text(p);
	/* The option of `to` was checked when it was read. */
	if (check_selected(p) != 0 ||
	    endpoint_check_key(poller_to(p), "poller", "to") != 0) {
		p->code = PROG_CONFIG;
		return false;
	}
	open_tenants(p, asking);
	return !p->common.only_check;
}

/* Logs why an endpoint could not be opened, unless *why is empty. */
static void
report_endpoint(struct poller *p, enum exit_code code, struct buf *why)
{
	if (why->len > 0) {
		log_error("%s", buf_str(why));
		poller_failed(p, code);
	}
	buf_release(why);
}

struct endpoint *
poller_open_input(struct poller *p, const struct endpoint_options *opt)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct endpoint *from = endpoint_open_read(
	    p->from != NULL ? p->from : "-", opt, &why, &code);

	report_endpoint(p, code, &why);
	return from;
}

struct endpoint *
poller_open_output(
    struct poller *p, const char *otherwise, const struct endpoint_options *opt)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct endpoint *to = endpoint_open_write(
	    p->to != NULL ? p->to : otherwise, opt, &why, &code);

	report_endpoint(p, code, &why);
	return to;
}

void
poller_report_input(struct poller *p, struct endpoint *from,
    enum endpoint_status status, const char *so)
{
	if (status == ENDPOINT_CUT) {
		log_error(
		    "the input ends inside %s; %s", endpoint_where(from), so);
		poller_failed(p, PROG_DATA);
	} else if (status == ENDPOINT_FAILED) {
		log_error("%s", endpoint_why(from));
		poller_failed(p, endpoint_code(from));
	}
}

enum outcome
poller_flush(struct poller *p, struct endpoint *to)
{
	enum outcome o;

	do
		o = endpoint_flush(to);
	while (o == OUTCOME_LATER && endpoint_code(to) == PROG_OK &&
	       !stop_asked());
	if (o != OUTCOME_DONE && endpoint_code(to) != PROG_OK) {
		log_error("%s", endpoint_why(to));
		poller_failed(p, endpoint_code(to));
	}
	return o;
}

void
poller_print(struct poller *p, const struct output_column *columns, size_t n,
    const struct buf *records)
{
	struct buf out = BUF_INIT;

	output_records(
	    columns, n, output_format_resolve(p->format), records, &out);
	(void)fwrite(buf_str(&out), 1, out.len, stdout);
	poller_failed(p, prog_flush());
	buf_release(&out);
}

struct store *
poller_open_store(
    const char *dir, const struct tenant *t, bool must, enum exit_code *code)
{
	struct buf why = BUF_INIT;
	struct store *s = NULL;

	if (dir != NULL)
		s = store_open(dir, t->name, STORE_SHARED, code, &why);

	if (why.len > 0 && must)
		log_error("tenant %s: %s", t->name, buf_str(&why));
	else if (why.len > 0)
		log_warn("tenant %s: %s", t->name, buf_str(&why));
	buf_release(&why);
	return s;
}
