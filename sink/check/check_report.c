/*
 * check_report: see check_report.h.
 */
#include "sink/check/check_report.h"

#include <stdio.h>

#include "common/base/xalloc.h"
#include "common/text/jsonw.h"

/* The words of poller --check, which gives no advice. */
static const char *const results[] = {
	[CHECK_FINE] = "ok",
	[CHECK_ADVICE] = "advice",
	[CHECK_WRONG] = "failed",
};

static const struct output_column columns[] = {
	{ "check", OUTPUT_TEXT },
	{ "result", OUTPUT_TEXT },
	{ "detail", OUTPUT_TEXT },
};

void
check_report_item(struct check_report *r, enum check_result result,
    const char *name, const char *is, const char *what)
{
	struct buf detail = BUF_INIT;

	r->wrong |= result == CHECK_WRONG;
	if (result == CHECK_FINE && r->format == OUTPUT_TABLE && !r->each) {
		r->fine++;
		return;
	}
	buf_adds(&detail, is);
	if (result != CHECK_FINE)
		buf_addf(&detail, "; %s", what);
	if (r->format != OUTPUT_NDJSON) {
		output_table_cell(&r->table, name);
		output_table_cell(&r->table, results[result]);
		output_table_cell(&r->table, buf_str(&detail));
	} else {
		jsonw_open(&r->text);
		jsonw_str(&r->text, "type", "check");
		jsonw_str(&r->text, "check", name);
		jsonw_str(&r->text, "result", results[result]);
		jsonw_str(&r->text, "detail", buf_str(&detail));
		jsonw_line(&r->text);
	}
	buf_release(&detail);
}

void
check_report_restart(struct check_report *r)
{
	output_table_release(&r->table);
	output_table_init(&r->table, columns, ARRAY_LEN(columns));
	buf_clear(&r->text);
	r->wrong = false;
	r->fine = 0;
}

/* One row in place of those that are fine: they would hide the others. */
static void
add_summary(struct check_report *r)
{
	struct buf detail = BUF_INIT;

	if (r->fine == 0)
		return;
	buf_addf(&detail, "%u checks; -v shows each", r->fine);
	output_table_cell(&r->table, "all else");
	output_table_cell(&r->table, results[CHECK_FINE]);
	output_table_cell(&r->table, buf_str(&detail));
	buf_release(&detail);
}

enum exit_code
check_report_print(struct check_report *r)
{
	add_summary(r);
	if (r->format != OUTPUT_NDJSON)
		output_table_show(&r->table, r->format, &r->text);
	fwrite(r->text.data, 1, r->text.len, stdout);
	return prog_flush();
}

void
check_report_release(struct check_report *r)
{
	output_table_release(&r->table);
	buf_release(&r->text);
}
