/*
 * register_run: poller --register, --registered and --unregister, for all
 * selected tenants one after the other; then shows the webhooks that each CRM
 * has.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"
#include "common/output/output_table.h"
#include "common/text/jsonw.h"
#include "poller/hooks/register.h"
#include "poller/modes/poller.h"

enum webhook_action { REGISTER, UNREGISTER, SHOW };

static const struct option_row rows[] = {
	OPTION_FORMAT(struct poller, format),
	POLLER_TENANT,
};

/* The output: a table, or lines of NDJSON. */
struct showing {
	enum output_format format;
	struct output_table table;
	struct buf lines;
};

static void
show_webhook(
    struct showing *s, const struct registry *r, const struct webhook *w)
{
	struct buf url = BUF_INIT;

	if (w->url != NULL)
		registry_show_url(r, w->url, &url);
	if (s->format == OUTPUT_NDJSON) {
		jsonw_open(&s->lines);
		jsonw_str(&s->lines, "type", "webhook");
		jsonw_str(&s->lines, "tenant", r->tenant->name);
		jsonw_str(&s->lines, "url", buf_str(&url));
		jsonw_str(&s->lines, "events", w->events);
		jsonw_bool(&s->lines, "active", w->active);
		jsonw_line(&s->lines);
	} else {
		output_table_cell(&s->table, r->tenant->name);
		output_table_cell(&s->table, buf_str(&url));
		output_table_cell(&s->table, w->events);
		output_table_cell(&s->table, w->active ? "yes" : "no");
	}
	buf_release(&url);
}

/* Adds the tenant's webhooks to the output. */
static enum exit_code
show_webhooks(struct poller *p, struct http *http, const struct tenant *t,
    struct showing *s, struct buf *why)
{
	struct registry r;
	enum exit_code code =
	    registry_open(&r, http, p->common.conf, t, NULL, why);
	size_t i;

	for (i = 0; code == PROG_OK && i < r.there.n; i++)
		show_webhook(s, &r, &r.there.list[i]);
	registry_release(&r);
	return code;
}

/* Webhooks carry a secret: no plain HTTP to another machine. */
static enum exit_code
check_address(const struct poller *p, const struct tenant *t, const char *base,
    struct buf *why)
{
	struct buf reason = BUF_INIT;
	bool plaintext = conf_bool(p->common.conf, t->section, "plaintext");
	bool ok = http_check_base(base, plaintext, &reason) == 0;

	if (!ok)
		buf_setf(why, "the listener's address %s", buf_str(&reason));
	buf_release(&reason);
	return ok ? PROG_OK : PROG_USAGE;
}

static enum exit_code
change_webhooks(struct poller *p, enum webhook_action action, struct http *http,
    const struct tenant *t, const char *base, struct buf *why)
{
	struct registry r;
	enum exit_code code = check_address(p, t, base, why);
	size_t n;

	if (code != PROG_OK)
		return code;
	code = registry_open(&r, http, p->common.conf, t, base, why);
	if (code == PROG_OK && action == REGISTER) {
		code = registry_add(&r, why);
		if (code == PROG_OK)
			log_info("registered", "tenant=%s", t->name);
	} else if (code == PROG_OK) {
		code = registry_remove(&r, &n, why);
		if (code == PROG_OK && n == 0)
			log_warn("tenant %s: no webhook of it is registered "
				 "at '%s'",
			    t->name, base);
	}
	registry_release(&r);
	return code;
}

/* The same as far as it is known without the CRM. */
static enum exit_code
check_webhooks(struct poller *p, enum webhook_action action,
    const struct tenant *t, const char *base, struct buf *why)
{
	struct registry r;
	enum exit_code code = check_address(p, t, base, why);

	if (code != PROG_OK)
		return code;
	code = registry_check(
	    &r, p->common.conf, t, base, action == REGISTER, why);
	registry_release(&r);
	return code;
}

/* http: NULL to check only. */
static void
register_tenants(struct poller *p, enum webhook_action action, const char *base,
    struct http *http, struct showing *s)
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	size_t i;

	for (i = 0; i < p->tenants_n && !stop_asked(); i++) {
		struct tenant *t = &p->tenants[i];

		buf_clear(&why);
		code = tenant_admit(t, p->common.conf, &why);
		if (code == PROG_OK && action != SHOW)
			code = http == NULL
				   ? check_webhooks(p, action, t, base, &why)
				   : change_webhooks(
					 p, action, http, t, base, &why);
		if (code == PROG_OK && http != NULL)
			code = show_webhooks(p, http, t, s, &why);
		if (code == PROG_OK)
			continue;
		poller_failed(p, code);
		log_error("webhooks of tenant %s: %s", t->name, buf_str(&why));
	}
	buf_release(&why);
}

static enum exit_code
register_all(struct poller *p, enum webhook_action action)
{
	static const struct output_column columns[] = {
		{ "TENANT", OUTPUT_TEXT }, { "ADDRESS", OUTPUT_TEXT },
		{ "EVENTS", OUTPUT_TEXT }, { "ACTIVE", OUTPUT_TEXT }
	};
	struct showing s = { .format = output_format_resolve(p->format) };
	char *base = p->hook_url != NULL ? xstrdup(p->hook_url) : NULL;
	struct http *http;
	bool opened = poller_open(p, false);

	while (base != NULL && *base != '\0' && base[strlen(base) - 1] == '/')
		base[strlen(base) - 1] = '\0';
	if (!opened) {
		if (p->common.only_check)
			register_tenants(p, action, base, NULL, &s);
		free(base);
		return p->code;
	}
	output_table_init(&s.table, columns, ARRAY_LEN(columns));
	http = http_new();
	register_tenants(p, action, base, http, &s);
	http_free(http);
	if (s.format != OUTPUT_NDJSON)
		output_table_show(&s.table, s.format, &s.lines);
	(void)fwrite(buf_str(&s.lines), 1, s.lines.len, stdout);
	if (fflush(stdout) != 0 && errno != EPIPE) {
		log_error("cannot write the result: %s; %s", log_errno(errno),
		    syserr_way_out(errno));
		poller_failed(p, PROG_IO);
	}
	output_table_release(&s.table);
	buf_release(&s.lines);
	free(base);
	return p->code;
}

static enum exit_code
run_register(void *options)
{
	return register_all(options, REGISTER);
}

static enum exit_code
run_unregister(void *options)
{
	return register_all(options, UNREGISTER);
}

static enum exit_code
run_registered(void *options)
{
	return register_all(options, SHOW);
}

const struct option_mode poller_mode_register = {
	.choice = OPTION_TEXT(0, "register", "URL", struct poller, hook_url,
	    "register the listener's webhooks at the CRMs"),
	.about = "Registers each tenant's webhooks at its CRM. URL is where "
		 "the listener is, as\nseen from the CRM.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_register,
};

const struct option_mode poller_mode_registered = {
	.choice =
	    OPTION_MODE("registered", "show the webhooks that the CRMs have"),
	.about =
	    "Shows the webhooks that the CRMs have, without their secrets.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_registered,
};

const struct option_mode poller_mode_unregister = {
	.choice = OPTION_TEXT(0, "unregister", "URL", struct poller, hook_url,
	    "remove the webhooks that are registered there"),
	.about = "Removes the tenants' webhooks that are registered at URL.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_unregister,
};
