/*
 * page: see page.h.
 */
#include "sink/report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/xalloc.h"
#include "common/output/output_table.h"

static const char *
entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* U+FFFE and U+FFFF are the only characters, apart from control characters,
 * that XML forbids. */
static bool
is_no_character(const char *p)
{
	return memcmp(p, "\xef\xbf\xbe", 3) == 0 ||
	       memcmp(p, "\xef\xbf\xbf", 3) == 0;
}

void
markup_text(struct buf *to, const char *text)
{
	const char *p, *end = text + strlen(text), *entity;

	for (p = text; p < end; p++) {
		entity = entity_of(*p);
		if (entity != NULL) {
			buf_adds(to, entity);
		} else if ((unsigned char)*p < ' ' || *p == '\x7f') {
			buf_addc(to, *p >= '\t' && *p <= '\r' ? ' ' : '?');
		} else if (end - p >= 3 && is_no_character(p)) {
			buf_addc(to, '?');
			p += 2;
		} else {
			buf_addc(to, *p);
		}
	}
}

#define DASH "\xe2\x80\x93"

static const char *const unit_words[] = {
	[FIGURE_COUNT] = "count",
	[FIGURE_SECONDS] = "seconds",
	[FIGURE_SHARE] = "share",
};

void
figure_add(struct figure_table *t, const char *text)
{
	XGROW(t->cells, t->n, t->cap);
	t->cells[t->n++] = text != NULL ? xstrdup(text) : NULL;
}

void
figure_add_int(struct figure_table *t, int64_t n)
{
	char text[DECIMAL_ROOM];

	figure_add(t, decimal_text(text, n));
}

void
figure_release(struct figure_table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct figure_table){ .cells = NULL };
}

size_t
figure_rows(const struct figure_table *t)
{
	return t->n / t->columns_n;
}

const char *
figure_at(const struct figure_table *t, size_t row, size_t column)
{
	return t->cells[row * t->columns_n + column];
}

double
figure_value(const struct figure_table *t, size_t row, size_t column)
{
	const char *text = figure_at(t, row, column);

	return text != NULL ? strtod(text, NULL) : (double)NAN;
}

const char *
figure_unit_word(enum figure_unit unit)
{
	return unit_words[unit];
}

static enum figure_unit
unit_of_row(const struct figure_table *t, size_t row)
{
	const char *word = "";
	size_t i;

	for (i = 0; i < t->columns_n; i++) {
		if (t->columns[i].unit == FIGURE_UNIT)
			word = figure_at(t, row, i);
	}
	for (i = 0; i < ARRAY_LEN(unit_words); i++) {
		if (unit_words[i] != NULL && strcmp(unit_words[i], word) == 0)
			return (enum figure_unit)i;
	}
	return FIGURE_TEXT;
}

enum figure_unit
figure_unit_at(const struct figure_table *t, size_t row, size_t column)
{
	enum figure_unit unit = t->columns[column].unit;

	return unit == FIGURE_OF_ROW ? unit_of_row(t, row) : unit;
}

void
figure_duration(struct buf *to, double seconds)
{
	char text[DURATION_TEXT];

	/* The double of a number with three decimals may be slightly less than
	 * the number. */
	buf_adds(
	    to, duration_format((int64_t)floor(seconds * 1000 + 1e-3), text));
}

void
figure_period(struct buf *to, const char *text)
{
	static const char *const weekdays[] = { "Thu", "Fri", "Sat", "Sun",
		"Mon", "Tue", "Wed" }; /* 1970 began on a Thursday */
	char day[] = "2026-11-20T00:00:00Z";
	int64_t ms;

	if (strlen(text) == 10) {
		memcpy(day, text, 10);
		if (clock_parse(day, sizeof day - 1, &ms) == 0 && ms >= 0)
			buf_addf(to, "%s ", weekdays[ms / DAY_MS % 7]);
	}
	buf_adds(to, text);
}

void
figure_show(
    struct buf *to, const struct figure_table *t, size_t row, size_t column)
{
	const char *text = figure_at(t, row, column);
	double value = figure_value(t, row, column);

	if (text == NULL) {
		buf_adds(to, DASH);
		return;
	}
	switch (figure_unit_at(t, row, column)) {
	case FIGURE_SECONDS:
		figure_duration(to, value);
		break;
	case FIGURE_SHARE:
		buf_addf(to, "%.1f %%", 100 * value);
		break;
	case FIGURE_CHANGE:
		buf_addf(to, "%+.1f %s", 100 * value,
		    unit_of_row(t, row) == FIGURE_SHARE ? "pp" : "%");
		break;
	case FIGURE_PERIOD:
		figure_period(to, text);
		break;
	case FIGURE_TEXT:
	case FIGURE_TIME:
	case FIGURE_COMPLETE:
	case FIGURE_COUNT:
	case FIGURE_SHADED:
	case FIGURE_KEY:
	case FIGURE_UNIT:
	case FIGURE_OF_ROW:
		buf_adds(to, text);
		break;
	}
}

/* The page loads nothing and runs no script. */
static const char head[] =
    "<!DOCTYPE html>\n"
    "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n"
    "<head>\n<meta charset=\"utf-8\"/>\n"
    "<meta http-equiv=\"Content-Security-Policy\" "
    "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
    "<meta name=\"viewport\" content=\"width=device-width\"/>\n";

static const char style[] =
    "<style>\n"
    "body { font: 14px/1.4 sans-serif; color: #222; background: #fff;\n"
    "  max-width: 46em; margin: 1.5em auto; padding: 0 1em }\n"
    "h1 { font-size: 1.6em; margin: 0 }\n"
    ".verdict { font-size: 1.15em; font-weight: bold }\n"
    ".verdict + p { color: #555 }\n"
    "h2 { font-size: 1.15em; margin: 1.6em 0 .4em }\n"
    "svg { display: block; max-width: 100%; min-width: 560px;\n"
    "  height: auto }\n"
    "div { overflow-x: auto }\n"
    "table { border: 0; border-collapse: collapse; font-size: .9em;\n"
    "  font-variant-numeric: tabular-nums; table-layout: fixed;\n"
    "  width: 100%; min-width: 640px }\n"
    "th, td { border: 0; border-bottom: 1px solid #ccc }\n"
    "th, td { padding: 4px 3px }\n"
    "th { font-size: .8em }\n"
    "td[dir] { overflow-wrap: break-word }\n"
    "td[align=right] { white-space: nowrap }\n"
    "thead th { vertical-align: bottom; border-bottom-color: #222 }\n"
    "table.wide { font-size: .72em; min-width: 760px }\n"
    "table.wide th, table.wide td { padding: 2px 3px }\n"
    "@page { size: A4; margin: 15mm 12mm }\n"
    "@media print {\n"
    "  body { font-size: 10pt; max-width: none; margin: 0; padding: 0 }\n"
    "  h2, h2 + p { break-after: avoid }\n"
    "  div { overflow: visible }\n"
    "  svg, table, table.wide { min-width: 0 }\n"
    "  svg, tr { break-inside: avoid }\n"
    "  td { print-color-adjust: exact }\n"
    "  thead { display: table-header-group }\n"
    "}\n"
    "</style>\n";

/* A table with this many columns has smaller type. */
#define WIDE 12

void
page_begin(struct buf *to, const char *title, const char *verdict,
    const char *subtitle)
{
	buf_adds(to, head);
	buf_adds(to, "<title>");
	markup_text(to, title);
	buf_adds(to, "</title>\n");
	buf_adds(to, style);
	buf_adds(to, "</head>\n<body>\n<main>\n<h1>");
	markup_text(to, title);
	buf_adds(to, "</h1>\n<p class=\"verdict\">");
	markup_text(to, verdict);
	buf_adds(to, "</p>\n<p>");
	markup_text(to, subtitle);
	buf_adds(to, "</p>\n");
}

void
page_end(struct buf *to)
{
	buf_adds(to, "</main>\n</body>\n</html>\n");
}

void
page_part_begin(
    struct buf *to, const char *name, const char *title, const char *note)
{
	buf_addf(to, "<section id=\"%s\">\n<h2>", name);
	markup_text(to, title);
	buf_adds(to, "</h2>\n");
	if (note != NULL) {
		buf_adds(to, "<p>");
		markup_text(to, note);
		buf_adds(to, "</p>\n");
	}
}

void
page_part_end(struct buf *to)
{
	buf_adds(to, "</section>\n");
}

static bool
has_text(const struct figure_table *t, size_t column, const char *text)
{
	const char *cell;
	size_t row;

	for (row = 0; row < figure_rows(t); row++) {
		cell = figure_at(t, row, column);
		if (cell != NULL && strcmp(cell, text) == 0)
			return true;
	}
	return false;
}

static bool
is_shown(const struct figure_table *t, size_t column)
{
	if (t->columns[column].unit == FIGURE_COMPLETE)
		return has_text(t, column, FIGURE_COMPLETE_NOT);
	return t->columns[column].unit != FIGURE_KEY &&
	       t->columns[column].unit != FIGURE_UNIT;
}

/* Numbers and their titles are right-aligned. A date is not broken, and a name
 * may be written from right to left. */
static const char *
attributes_of(enum figure_unit unit)
{
	if (unit == FIGURE_PERIOD)
		return " align=\"left\" nowrap=\"nowrap\"";
	return unit <= FIGURE_COMPLETE ? " align=\"left\" dir=\"auto\""
				       : " align=\"right\"";
}

/* Relative column widths: names and dates need more than numbers. */
static unsigned
share_of(enum figure_unit unit)
{
	return unit <= FIGURE_PERIOD ? 3 : 2;
}

static void
add_titles(struct buf *to, const struct figure_table *t)
{
	enum figure_unit unit;
	unsigned shares = 0;
	size_t c;

	for (c = 0; c < t->columns_n; c++)
		shares += is_shown(t, c) ? share_of(t->columns[c].unit) : 0;

	buf_adds(to, "<thead><tr>");
	for (c = 0; c < t->columns_n; c++) {
		if (!is_shown(t, c))
			continue;
		unit = t->columns[c].unit;
		buf_addf(to, "<th scope=\"col\"%s width=\"%u%%\">",
		    attributes_of(unit), 100 * share_of(unit) / shares);
		markup_text(to, t->columns[c].title);
		buf_adds(to, "</th>");
	}
	buf_adds(to, "</tr></thead>\n");
}

static int
shade(int darkest, double part)
{
	return (int)lround(255 - part * (255 - darkest));
}

/* Adds the background of a shaded cell: white for 0, light blue for the
 * greatest one of the table. */
static void
add_shade(
    struct buf *to, const struct figure_table *t, size_t row, size_t column)
{
	double value = figure_value(t, row, column), most = 0;
	size_t r, c;

	if (t->columns[column].unit != FIGURE_SHADED || !(value > 0))
		return;
	for (r = 0; r < figure_rows(t); r++)
		for (c = 0; c < t->columns_n; c++)
			if (t->columns[c].unit == FIGURE_SHADED)
				most = fmax(most, figure_value(t, r, c));
	buf_addf(to, " bgcolor=\"#%02x%02x%02x\"", shade(157, value / most),
	    shade(195, value / most), shade(230, value / most));
}

static void
add_table_row(struct buf *to, const struct figure_table *t, size_t row)
{
	struct buf text = BUF_INIT;
	size_t c;

	buf_adds(to, "<tr>");
	for (c = 0; c < t->columns_n; c++) {
		if (!is_shown(t, c))
			continue;
		buf_clear(&text);
		figure_show(&text, t, row, c);
		buf_addf(to, "<td%s", attributes_of(t->columns[c].unit));
		add_shade(to, t, row, c);
		buf_addc(to, '>');
		markup_text(to, buf_str(&text));
		buf_adds(to, "</td>");
	}
	buf_adds(to, "</tr>\n");
	buf_release(&text);
}

void
page_table(struct buf *to, const struct figure_table *t, size_t ends)
{
	size_t row, rows = figure_rows(t);

	if (rows == 0) {
		buf_adds(to, "<p>None in this period.</p>\n");
		return;
	}
	buf_addf(to,
	    "<div tabindex=\"0\"><table border=\"1\" cellpadding=\"4\" "
	    "cellspacing=\"0\"%s>\n",
	    t->columns_n >= WIDE ? " class=\"wide\"" : "");
	add_titles(to, t);
	buf_adds(to, "<tbody>\n");
	for (row = 0; row < rows; row++)
		if (ends == 0 || row < ends || row + ends >= rows)
			add_table_row(to, t, row);
	buf_adds(to, "</tbody></table></div>\n");
}
