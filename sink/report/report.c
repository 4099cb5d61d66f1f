/*
 * report: see report.h: the order of the sections, and the two forms they are
 * written in. A line of CSV begins with the name of its section, so that one
 * of them is cut out by grep; sections have an empty line between them.
 */
#include "sink/report/report.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/output/output_table.h"
#include "sink/page/page.h"
#include "sink/report/section.h"

static const struct section *const sections[] = {
	&section_totals,
	&section_days,
	&section_operators,
	&section_week,
	&section_waits,
	&section_resolved,
	&section_transfers,
	&section_channels,
	&section_receipts,
	&section_alerts,
	&section_words,
	&section_about,
};

/* without: why there is no table; NULL: there is. */
static void
write_html(struct buf *to, const struct section *s,
    const struct figure_table *t, const char *without)
{
	const struct page_part part = { s->name, s->title,
		without != NULL ? without : s->note };

	page_part_begin(to, &part);
	if (s->draw != NULL && figure_rows(t) > 0)
		s->draw(t, to);
	if (without == NULL)
		page_table(to, t);
	page_part_end(to);
}

static bool
is_number(enum figure_unit unit)
{
	return unit >= FIGURE_COUNT && unit <= FIGURE_CHANGE;
}

/* With blanks in place of line breaks: each line is a whole row. */
static void
write_csv_cell(struct buf *to, const char *text, bool number)
{
	struct buf cell = BUF_INIT;
	size_t i;

	output_csv_cell(&cell, text, number);
	for (i = 0; i < cell.len; i++)
		if (cell.data[i] == '\r' || cell.data[i] == '\n')
			buf_addc(to, ' ');
		else
			buf_addc(to, cell.data[i]);
	buf_release(&cell);
}

static void
write_csv_row(struct buf *to, const struct figure_table *t, size_t row)
{
	const char *cell;
	size_t c;

	for (c = 0; c < t->columns_n; c++) {
		buf_addc(to, ',');
		cell = figure_at(t, row, c);
		if (cell != NULL)
			write_csv_cell(
			    to, cell, is_number(figure_unit_at(t, row, c)));
	}
	buf_adds(to, "\r\n");
}

static void
write_csv(struct buf *to, const struct section *s, const struct figure_table *t)
{
	size_t row, c;

	if (to->len > 0)
		buf_adds(to, "\r\n");
	buf_adds(to, s->name);
	for (c = 0; c < t->columns_n; c++)
		buf_addf(to, ",%s", t->columns[c].name);
	buf_adds(to, "\r\n");
	for (row = 0; row < figure_rows(t); row++) {
		buf_adds(to, s->name);
		write_csv_row(to, t, row);
	}
}

void
report_beginning(enum report_form form, struct buf *to)
{
	if (form == REPORT_CSV)
		buf_addf(to, "%s,%s,", sections[0]->name,
		    sections[0]->columns[0].name);
	else
		buf_adds(to, PAGE_BEGIN);
}

/* For people: the last day that belongs to the span. */
static void
begin_html(const struct report_work *r, struct buf *to)
{
	struct buf title = BUF_INIT, subtitle = BUF_INIT;
	char last[CALENDAR_TEXT];

	report_time(r, r->to - 1, last);
	last[strlen(REPORT_DAY)] = '\0';
	buf_addf(&title, "%s: response times, ", r->request->viewer->tenant);
	figure_period(&title, r->from_day);
	buf_adds(&title, " to ");
	figure_period(&title, last);
	buf_addf(
	    &subtitle, "Days and hours of %s. Before: from ", r->zone_name);
	figure_period(&subtitle, r->before_day);
	buf_adds(&subtitle, " on, as long. The limit: ");
	figure_duration(&subtitle, strtod(r->request->within, NULL));
	buf_addc(&subtitle, '.');
	if (r->not_kept.n > 0) {
		buf_adds(&subtitle,
		    " Not kept, so that figures of them are not known: ");
		kept_add_lacking(&r->not_kept, &subtitle);
		buf_addc(&subtitle, '.');
	}
	if (r->cut_hour_lacks)
		buf_adds(&subtitle,
		    " A day begins within an hour of UTC, and intervals of "
		    "that hour are missing; what needs them is left empty.");
	page_begin(to, buf_str(&title), buf_str(&subtitle));
	buf_release(&title);
	buf_release(&subtitle);
}

/* Why there is no table; NULL: there is. */
static const char *
left_out(const struct report_work *r, const struct section *s, struct buf *why)
{
	const char *reason = s->leave_out != NULL ? s->leave_out(r) : NULL;

	if (reason != NULL || s->metric == NULL ||
	    !kept_lacks(&r->not_kept, s->metric))
		return reason;
	buf_addf(why,
	    "Not kept: nothing of the metric %s was ever stored. Unless there "
	    "was nothing, add %s to metrics of [aggregator] in messaging.conf; "
	    "see messaging-report(7), WHAT IT NEEDS.",
	    s->metric, s->metric);
	return buf_str(why);
}

static bool
write_section(struct report_work *r, const struct section *s, struct buf *to)
{
	struct figure_table t = { .columns = s->columns,
		.columns_n = s->columns_n };
	struct buf why = BUF_INIT;
	const char *without = left_out(r, s, &why);
	bool good = without != NULL || s->fill(r, &t);

	if (good && r->request->form == REPORT_CSV)
		write_csv(to, s, &t);
	else if (good)
		write_html(to, s, &t, without);
	figure_release(&t);
	buf_release(&why);
	return good;
}

enum exit_code
report_write(
    const struct report_request *request, struct db *db, struct buf *to)
{
	struct report_work r = { .request = request, .db = db };
	bool html = request->form == REPORT_HTML;
	bool good = report_begin(&r);
	size_t i;

	if (good && html)
		begin_html(&r, to);
	for (i = 0; good && i < ARRAY_LEN(sections); i++)
		good = write_section(&r, sections[i], to);
	if (good && html)
		page_end(to);
	report_end(&r);
	return r.code;
}
