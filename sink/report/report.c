/*
 * report: see report.h: the order of the sections, and the two forms they are
 * written in. A line of CSV begins with the name of its section, so that one
 * of them is cut out by grep; sections have an empty line between them.
 */
#include "sink/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/output/output_table.h"
#include "sink/page/page.h"
#include "sink/report/fill_sections.h"

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

static void
write_html(struct buf *to, const struct filled_section *f)
{
	const struct section *s = f->section;
	bool without = f->without.len > 0;
	const struct page_part part = { s->name, s->title,
		without ? buf_str(&f->without) : s->note };

	page_part_begin(to, &part);
	if (s->draw != NULL && figure_rows(&f->table) > 0)
		s->draw(&f->table, to);
	if (!without)
		page_table(to, &f->table);
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
write_csv(struct buf *to, const struct filled_section *f)
{
	const struct section *s = f->section;
	const struct figure_table *t = &f->table;
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

static void
add_previous(const struct report_work *r, struct buf *to)
{
	char last[CALENDAR_TEXT];

	buf_adds(to, "Previous period: ");
	figure_period(to, r->before_day);
	if (r->runs) {
		buf_addf(to,
		    " until %s, the same elapsed part, because this period is "
		    "not over.",
		    r->before_end);
		return;
	}
	report_time(r, r->before_to - 1, last);
	last[strlen(REPORT_DAY)] = '\0';
	buf_adds(to, " to ");
	figure_period(to, last);
	buf_addc(to, '.');
}

/* The sentence that comes first: "Median first response 1m47s, 6 % faster than
 * in the previous period (1m54s)." Nothing without first responses. */
static void
add_verdict(const struct report_work *r, struct buf *to)
{
	const json_t *rows = json_object_get(r->kinds, "first_response");
	double is = report_number(json_array_get(rows, 0), "median_seconds");
	double was = report_number(json_array_get(rows, 1), "median_seconds");
	double percent = was > 0 ? 100 * (is - was) / was : 0;

	if (is <= 0)
		return;
	buf_adds(to, "Median first response ");
	figure_duration(to, is);
	if (was > 0 && fabs(percent) < 0.5)
		buf_adds(to, ", as in the previous period");
	else if (was > 0)
		buf_addf(to, ", %.0f %% %s than in the previous period",
		    fabs(percent), percent > 0 ? "slower" : "faster");
	if (was > 0) {
		buf_adds(to, " (");
		figure_duration(to, was);
		buf_addc(to, ')');
	}
	buf_adds(to, ". ");
}

/* For people: the last day that belongs to the period. */
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
	add_verdict(r, &subtitle);
	buf_addf(&subtitle, "Days and hours of %s. ", r->zone_name);
	add_previous(r, &subtitle);
	buf_adds(&subtitle, " The limit: ");
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

static void
write_sections(struct report_work *r, const struct filled_section *list,
    size_t n, struct buf *to)
{
	bool html = r->request->form == REPORT_HTML;
	size_t i;

	if (html)
		begin_html(r, to);
	for (i = 0; i < n; i++) {
		if (html)
			write_html(to, &list[i]);
		else
			write_csv(to, &list[i]);
	}
	if (html)
		page_end(to);
}

enum exit_code
report_write(
    const struct report_request *request, struct db *db, struct buf *to)
{
	struct report_work r = { .request = request, .db = db };
	struct filled_section list[ARRAY_LEN(sections)] = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_LEN(list); i++)
		list[i].section = sections[i];
	if (report_begin(&r) && fill_sections(&r, list, ARRAY_LEN(list)))
		write_sections(&r, list, ARRAY_LEN(list), to);
	filled_sections_release(list, ARRAY_LEN(list));
	report_end(&r);
	return r.code;
}
