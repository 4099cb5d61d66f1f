/*
 * output_table: see output_table.h.
 */
#include "common/output/output_table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/output/display_width.h"

/* Wider cells are cut, except the last one of a row, so that the others stay
 * on the screen. */
#define CELL_MAX 60

int
output_format_parse(const char *s, enum output_format *f)
{
	static const struct {
		const char *name;
		enum output_format format;
	} formats[] = {
		{ "table", OUTPUT_TABLE },
		{ "ndjson", OUTPUT_NDJSON },
		{ "csv", OUTPUT_CSV },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(formats); i++) {
		if (strcmp(s, formats[i].name) == 0) {
			*f = formats[i].format;
			return 0;
		}
	}
	return -1;
}

int
output_format_option(const char *s, enum output_format *f)
{
	if (output_format_parse(s, f) == 0)
		return -1;
	return prog_usage_error(
	    "there is no format '%s'; there are table, ndjson and csv", s);
}

enum output_format
output_format_resolve(enum output_format f)
{
	if (f != OUTPUT_AUTO)
		return f;
	return isatty(STDOUT_FILENO) ? OUTPUT_TABLE : OUTPUT_NDJSON;
}

void
output_table_init(
    struct output_table *t, const struct output_column *columns, size_t n)
{
	memset(t, 0, sizeof *t);
	t->columns = columns;
	t->columns_n = n;
}

void
output_table_cell(struct output_table *t, const char *text)
{
	XGROW(t->cells, t->n, t->cap);
	t->cells[t->n++] = text != NULL ? xstrdup(text) : NULL;
}

static size_t
max_width(const struct output_table *t, size_t column)
{
	return column + 1 == t->columns_n ? SIZE_MAX : CELL_MAX;
}

static void
add_blanks(struct buf *to, size_t n)
{
	while (n-- > 0)
		buf_addc(to, ' ');
}

/* One row; cells NULL: the titles. */
static void
show_row(const struct output_table *t, char *const *cells, const size_t *widths,
    struct buf *to)
{
	struct buf cell = BUF_INIT;
	size_t i, width, pad = 0;
	const char *s;

	for (i = 0; i < t->columns_n; i++) {
		s = cells == NULL ? t->columns[i].title : cells[i];
		buf_clear(&cell);
		width =
		    display_add(&cell, s != NULL ? s : "-", max_width(t, i));
		/* Blanks are written when a cell follows: none trail. */
		pad += i > 0 ? 2 : 0;
		if (t->columns[i].right || width == 0)
			pad += widths[i] - width;
		if (width == 0)
			continue;
		add_blanks(to, pad);
		buf_add(to, buf_str(&cell), cell.len);
		pad = t->columns[i].right ? 0 : widths[i] - width;
	}
	buf_addc(to, '\n');
	buf_release(&cell);
}

static void
show_table(const struct output_table *t, struct buf *to)
{
	struct buf scratch = BUF_INIT;
	size_t *widths = xcalloc(t->columns_n, sizeof *widths);
	size_t i, w;
	const char *s;

	for (i = 0; i < t->n + t->columns_n; i++) {
		s = i < t->columns_n ? t->columns[i].title
				     : t->cells[i - t->columns_n];
		buf_clear(&scratch);
		w = display_add(&scratch, s != NULL ? s : "-",
		    max_width(t, i % t->columns_n));
		if (w > widths[i % t->columns_n])
			widths[i % t->columns_n] = w;
	}
	show_row(t, NULL, widths, to);
	for (i = 0; i + t->columns_n <= t->n; i += t->columns_n)
		show_row(t, t->cells + i, widths, to);
	buf_release(&scratch);
	free(widths);
}

/* In East Asia a spreadsheet takes the wide forms of = + - @, too. */
static bool
begins_like_formula(const char *s)
{
	static const char *const wide[] = { "\uFF1D", "\uFF0B", "\uFF0D",
		"\uFF20" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(wide); i++)
		if (strncmp(s, wide[i], strlen(wide[i])) == 0)
			return true;
	return *s != '\0' && strchr("=+-@\t\r\n", *s) != NULL;
}

/* RFC 4180. Text that begins like a formula gets an apostrophe, by which
 * spreadsheets take it as text. */
void
output_csv_cell(struct buf *to, const char *s, bool number)
{
	bool quote = *s == '\0' || strpbrk(s, ",\"\r\n") != NULL;
	bool formula = !number && begins_like_formula(s);

	if (quote)
		buf_addc(to, '"');
	if (formula)
		buf_addc(to, '\'');
	for (; *s != '\0'; s++) {
		if (*s == '"')
			buf_addc(to, '"');
		buf_addc(to, *s);
	}
	if (quote)
		buf_addc(to, '"');
}

static void
show_csv(const struct output_table *t, struct buf *to)
{
	size_t i, column;

	for (i = 0; i < t->columns_n; i++) {
		if (i > 0)
			buf_addc(to, ',');
		output_csv_cell(to, t->columns[i].title, false);
	}
	buf_adds(to, "\r\n");
	for (i = 0; i < t->n; i++) {
		column = i % t->columns_n;
		if (t->cells[i] != NULL)
			output_csv_cell(
			    to, t->cells[i], t->columns[column].right);
		if (column + 1 < t->columns_n)
			buf_addc(to, ',');
		else
			buf_adds(to, "\r\n");
	}
}

void
output_table_show(
    const struct output_table *t, enum output_format f, struct buf *to)
{
	if (t->columns_n == 0)
		return;
	if (f == OUTPUT_CSV)
		show_csv(t, to);
	else
		show_table(t, to);
}

void
output_table_release(struct output_table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	memset(t, 0, sizeof *t);
}
