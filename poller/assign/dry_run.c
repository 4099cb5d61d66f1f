/*
 * dry_run: see dry_run.h.
 */
#include "poller/assign/dry_run.h"

#include <stdio.h>

#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

static const struct output_column columns[] = { { "tenant", OUTPUT_TEXT },
	{ "chat", OUTPUT_TEXT }, { "operator", OUTPUT_TEXT },
	{ "assignee", OUTPUT_TEXT }, { "result", OUTPUT_TEXT } };

void
dry_run_init(struct dry_run *d, enum output_format format)
{
	*d = (struct dry_run){ .format = output_format_resolve(format) };
	output_table_init(&d->table, columns, ARRAY_LEN(columns));
}

void
dry_run_add(struct dry_run *d, const struct reservation *r)
{
	const char *tenant = r->assigner->crm.tenant->name;
	const char *result = reservation_result_names[r->result];

	if (d->format != OUTPUT_NDJSON) {
		output_table_cell(&d->table, tenant);
		output_table_cell(&d->table, r->chat);
		output_table_cell(&d->table, r->operator_id);
		output_table_cell(&d->table, r->assignee);
		output_table_cell(&d->table, result);
		return;
	}
	jsonw_open(&d->lines);
	jsonw_str(&d->lines, "type", "dry_run");
	jsonw_str(&d->lines, "tenant", tenant);
	jsonw_str(&d->lines, "assignment", r->id);
	jsonw_str(&d->lines, "chat", r->chat);
	jsonw_str(&d->lines, "operator", r->operator_id);
	if (r->assignee != NULL)
		jsonw_str(&d->lines, "assignee", r->assignee);
	jsonw_str(&d->lines, "result", result);
	jsonw_line(&d->lines);
}

enum exit_code
dry_run_show(struct dry_run *d)
{
	if (d->format != OUTPUT_NDJSON)
		output_table_show(&d->table, d->format, &d->lines);
	fwrite(buf_str(&d->lines), 1, d->lines.len, stdout);
	return prog_flush();
}

void
dry_run_release(struct dry_run *d)
{
	output_table_release(&d->table);
	buf_release(&d->lines);
}
