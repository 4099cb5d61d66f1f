/*
 * page: see page.h.
 */
#include "sink/page/page.h"

#include "sink/page/markup.h"

/* Nothing is loaded and no script runs, no matter who opens it. */
static const char head[] =
    PAGE_BEGIN "<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n"
	       "<head>\n<meta charset=\"utf-8\"/>\n"
	       "<meta http-equiv=\"Content-Security-Policy\" "
	       "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
	       "<meta name=\"viewport\" content=\"width=device-width\"/>\n";

static const char style[] =
    "<style>\n"
    "body { font: 14px/1.4 sans-serif; color: #222; background: #fff;\n"
    "  max-width: 46em; margin: 1.5em auto; padding: 0 1em }\n"
    "h1 { font-size: 1.6em; margin: 0 }\n"
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
    "  thead { display: table-header-group }\n"
    "}\n"
    "</style>\n";

/* A table with so many columns is set smaller. */
#define WIDE 12

void
page_begin(struct buf *to, const char *title, const char *subtitle)
{
	buf_adds(to, head);
	buf_adds(to, "<title>");
	markup_text(to, title);
	buf_adds(to, "</title>\n");
	buf_adds(to, style);
	buf_adds(to, "</head>\n<body>\n<h1>");
	markup_text(to, title);
	buf_adds(to, "</h1>\n<p>");
	markup_text(to, subtitle);
	buf_adds(to, "</p>\n");
}

void
page_end(struct buf *to)
{
	buf_adds(to, "</body>\n</html>\n");
}

void
page_part_begin(struct buf *to, const struct page_part *part)
{
	buf_addf(to, "<section id=\"%s\">\n<h2>", part->name);
	markup_text(to, part->title);
	buf_adds(to, "</h2>\n");
	if (part->note != NULL) {
		buf_adds(to, "<p>");
		markup_text(to, part->note);
		buf_adds(to, "</p>\n");
	}
}

void
page_part_end(struct buf *to)
{
	buf_adds(to, "</section>\n");
}

static bool
is_shown(const struct figure_table *t, size_t column)
{
	return t->columns[column].unit != FIGURE_KEY &&
	       t->columns[column].unit != FIGURE_UNIT;
}

/* Numbers stand to the right; titles are no exception. A date is not broken,
 * and a name may be written from right to left. */
static const char *
attributes_of(enum figure_unit unit)
{
	if (unit == FIGURE_PERIOD)
		return " align=\"left\" nowrap=\"nowrap\"";
	return unit == FIGURE_TEXT ? " align=\"left\" dir=\"auto\""
				   : " align=\"right\"";
}

/* Shares of the width of a table: names and dates need more than numbers. */
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
		buf_addf(to, "<td%s>", attributes_of(t->columns[c].unit));
		markup_text(to, buf_str(&text));
		buf_adds(to, "</td>");
	}
	buf_adds(to, "</tr>\n");
	buf_release(&text);
}

void
page_table(struct buf *to, const struct figure_table *t)
{
	size_t row;

	if (figure_rows(t) == 0) {
		buf_adds(to, "<p>There is nothing of it in this span.</p>\n");
		return;
	}
	buf_addf(to,
	    "<div><table border=\"1\" cellpadding=\"4\" cellspacing=\"0\"%s>\n",
	    t->columns_n >= WIDE ? " class=\"wide\"" : "");
	add_titles(to, t);
	buf_adds(to, "<tbody>\n");
	for (row = 0; row < figure_rows(t); row++)
		add_table_row(to, t, row);
	buf_adds(to, "</tbody></table></div>\n");
}
