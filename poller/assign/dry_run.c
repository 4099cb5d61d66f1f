/*
 * dry_run: see dry_run.h.
 */
#include "poller/assign/dry_run.h"

#include <stdio.h>

#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

static const struct out_column columns[] = { { "tenant", false },
	{ "chat", false }, { "operator", false }, { "holder", false },
	{ "result", false } };

void
dry_run_init(struct dry_run *t, enum out_format format)
{
	*t = (struct dry_run){ .format = out_format_resolve(format) };
	out_table_init(&t->table, columns, ARRAY_LEN(columns));
}

void
dry_run_add(struct dry_run *t, const struct reservation *p)
{
	const char *tenant = p->assigner->tenant->name;
	const char *result = reservation_fate_names[p->fate];

	if (t->format != OUT_NDJSON) {
		out_table_cell(&t->table, tenant);
		out_table_cell(&t->table, p->chat);
		out_table_cell(&t->table, p->operator_id);
		out_table_cell(&t->table, p->holder);
		out_table_cell(&t->table, result);
		return;
	}
	jsonw_open(&t->lines);
	jsonw_str(&t->lines, "type", "dry_run");
	jsonw_str(&t->lines, "tenant", tenant);
	jsonw_str(&t->lines, "assignment", p->id);
	jsonw_str(&t->lines, "chat", p->chat);
	jsonw_str(&t->lines, "operator", p->operator_id);
	if (p->holder != NULL)
		jsonw_str(&t->lines, "holder", p->holder);
	jsonw_str(&t->lines, "result", result);
	jsonw_line(&t->lines);
}

enum exit_code
dry_run_show(struct dry_run *t)
{
	if (t->format != OUT_NDJSON)
		out_table_show(&t->table, t->format, &t->lines);
	fwrite(buf_str(&t->lines), 1, t->lines.len, stdout);
	return prog_flush();
}

void
dry_run_release(struct dry_run *t)
{
	out_table_release(&t->table);
	buf_release(&t->lines);
}
