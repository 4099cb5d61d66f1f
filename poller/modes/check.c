/*
 * check: poller --check, the self-check. Puts each kind of question once to
 * every tenant's CRM (tenant_check.h) and shows, as a table or NDJSON, what
 * works, what the token can see, and how many calls the month will cost.
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
#include "poller/modes/poller.h"
#include "poller/modes/tenant_check.h"

static const struct option_row rows[] = {
	OPTION_FORMAT(struct poller, format),
	POLLER_STATE("what polls kept, and cost"),
	POLLER_TENANT,
};

static const char *
result_name(const struct finding *f)
{
	static const char *const names[] = { "-", "ok", "advice", "failed" };

	return names[f->result];
}

static void
add_cost(const struct tenant_check *p, struct buf *out)
{
	const struct tenant_cost *c = &p->cost;

	if (c->state)
		jsonw_int(out, "used", c->used);
	jsonw_int(out, "expected", c->expected);
	if (p->crm.tenant->budget > 0)
		jsonw_int(out, "budget", p->crm.tenant->budget);
	jsonw_int(out, "interval", c->interval);
	jsonw_bool(out, "measured", c->measured);
}

static void
show_findings_ndjson(const struct tenant_check *p, struct buf *out)
{
	size_t i;

	for (i = 0; i < STEPS; i++) {
		jsonw_open(out);
		jsonw_str(out, "type", "check");
		jsonw_str(out, "tenant", p->crm.tenant->name);
		jsonw_str(out, "check", tenant_check_names[i]);
		jsonw_str(out, "result", result_name(&p->findings[i]));
		jsonw_str(out, "detail", buf_str(&p->findings[i].detail));
		if (i == STEP_CALLS && p->findings[i].result != UNKNOWN)
			add_cost(p, out);
		jsonw_line(out);
	}
}

static void
show_findings(
    const struct tenant_check *checks, size_t n, enum output_format format)
{
	static const struct output_column columns[] = {
		{ "TENANT", OUTPUT_TEXT }, { "CHECK", OUTPUT_TEXT },
		{ "RESULT", OUTPUT_TEXT }, { "DETAIL", OUTPUT_TEXT }
	};
	struct output_table table;
	struct buf out = BUF_INIT;
	size_t i, s;

	format = output_format_resolve(format);
	output_table_init(&table, columns, ARRAY_LEN(columns));
	for (i = 0; i < n; i++) {
		const struct tenant_check *p = &checks[i];

		if (format == OUTPUT_NDJSON) {
			show_findings_ndjson(p, &out);
			continue;
		}
		for (s = 0; s < STEPS; s++) {
			output_table_cell(&table, p->crm.tenant->name);
			output_table_cell(&table, tenant_check_names[s]);
			output_table_cell(&table, result_name(&p->findings[s]));
			output_table_cell(
			    &table, buf_str(&p->findings[s].detail));
		}
	}
	if (format != OUTPUT_NDJSON)
		output_table_show(&table, format, &out);
	(void)fwrite(buf_str(&out), 1, out.len, stdout);
	output_table_release(&table);
	buf_release(&out);
}

static void
check_all(struct poller *poller, struct tenant_check *checks, struct http *http)
{
	struct fetch **all = xcalloc(poller->tenants_n + 1, sizeof *all);
	size_t i;

	for (i = 0; i < poller->tenants_n; i++) {
		tenant_check_begin(&checks[i], http, poller->common.conf,
		    &poller->tenants[i], poller_state(poller));
		all[i] = checks[i].crm.fetch;
	}
	while (fetch_turn(http, all, poller->tenants_n) > 0 && !stop_asked())
		;
	free(all);
}

static enum exit_code
check_tenants(struct poller *poller)
{
	struct tenant_check *checks =
	    xcalloc(poller->tenants_n + 1, sizeof *checks);
	struct http *http = http_new();
	size_t i;

	check_all(poller, checks, http);
	for (i = 0; i < poller->tenants_n; i++) {
		tenant_check_end(&checks[i]);
		poller_failed(poller, checks[i].crm.code);
	}
	show_findings(checks, poller->tenants_n, poller->format);
	for (i = 0; i < poller->tenants_n; i++)
		tenant_check_release(&checks[i]);
	free(checks);
	http_free(http);
	if (fflush(stdout) != 0 && errno != EPIPE) {
		log_error("cannot write the result: %s; %s", log_errno(errno),
		    syserr_way_out(errno));
		poller_failed(poller, PROG_IO);
	}
	return poller->code;
}

/* Only registering webhooks needs the admin's token, so a missing one is a
 * warning and not a failed check. */
static void
check_admin_tokens(struct poller *p)
{
	struct buf why = BUF_INIT;
	size_t i;

	for (i = 0; i < p->tenants_n; i++) {
		struct tenant *t = &p->tenants[i];

		buf_clear(&why);
		if (strcmp(conf_text(p->common.conf, t->section, "hook"),
			"off") != 0 &&
		    tenant_admit(t, p->common.conf, &why) != PROG_OK)
			log_warn("tenant %s: %s", t->name, buf_str(&why));
	}
	buf_release(&why);
}

static enum exit_code
run_check_mode(void *options)
{
	struct poller *p = options;

	if (!poller_open(p, true))
		return p->code;
	check_admin_tokens(p);
	return check_tenants(p);
}

const struct option_mode poller_mode_check = {
	.choice = OPTION_MODE(
	    "check", "does it work, what does it see, what will it cost"),
	.about =
	    "Checks address, token, rights and profile, and shows what can "
	    "be seen and how\nmany calls the month will "
	    "cost.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_check_mode,
};
