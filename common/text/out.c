/*
 * out: see out.h. Widths are counted here and not by wcwidth(3), so that a
 * table looks the same in every locale, cron's "C" included.
 */
#include "common/text/out.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"

/* Wider cells are cut, except the last one of a row, so that the others stay
 * on the screen. */
#define CELL_MAX 60

int
out_format_parse(const char *s, enum out_format *f)
{
	static const struct {
		const char *name;
		enum out_format format;
	} formats[] = {
		{ "table", OUT_TABLE },
		{ "ndjson", OUT_NDJSON },
		{ "csv", OUT_CSV },
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
out_format_option(const char *s, enum out_format *f)
{
	if (out_format_parse(s, f) == 0)
		return -1;
	return prog_usage_error(
	    "there is no format '%s'; there are table, ndjson and csv", s);
}

enum out_format
out_format_resolve(enum out_format f)
{
	if (f != OUT_AUTO)
		return f;
	return isatty(STDOUT_FILENO) ? OUT_TABLE : OUT_NDJSON;
}

/* One character of UTF-8: its length, and its code in *c; 0 for a byte that
 * begins none. */
static size_t
decode_utf8(const char *s, uint32_t *c)
{
	const unsigned char *u = (const unsigned char *)s;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n, i;

	if (u[0] < 0x80) {
		*c = u[0];
		return 1;
	}
	n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	*c = u[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (u[i] & 0x3fu);
	}
	if (*c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
		return 0;
	return n;
}

struct range {
	uint32_t first, last;
};

static bool
in_ranges(uint32_t c, const struct range *r, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (c >= r[i].first && c <= r[i].last)
			return true;
	}
	return false;
}

/* Controls, line separators and marks that turn the direction of text. */
static bool
is_masked_character(uint32_t c)
{
	static const struct range masked[] = { { 0, 0x1f }, { 0x7f, 0x9f },
		{ 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 },
		{ 0xfeff, 0xfeff } };

	return in_ranges(c, masked, ARRAY_LEN(masked));
}

/* Columns a terminal gives to the character. */
static size_t
width_of(uint32_t c)
{
	static const struct range none[] = { { 0x300, 0x36f }, { 0x483, 0x489 },
		{ 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f },
		{ 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200d },
		{ 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
		{ 0xe0100, 0xe01ef } };
	static const struct range wide[] = { { 0x1100, 0x115f },
		{ 0x2e80, 0x303e }, { 0x3041, 0x33ff }, { 0x3400, 0x4dbf },
		{ 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 }, { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff },
		{ 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd } };

	if (c < 0x300)
		return 1;
	if (in_ranges(c, none, ARRAY_LEN(none)))
		return 0;
	return in_ranges(c, wide, ARRAY_LEN(wide)) ? 2 : 1;
}

/* Appends the cell as a terminal may be given it, cut at max; returns its
 * width. */
static size_t
add_visible(struct buf *to, const char *s, size_t max)
{
	size_t width = 0, n, w, i;
	uint32_t c = 0;
	bool masked;

	while (*s != '\0') {
		n = decode_utf8(s, &c);
		masked = n == 0 || is_masked_character(c);
		if (n == 0)
			n = 1;
		w = masked ? 4 * n : width_of(c);
		if (width + w > max) {
			buf_adds(to, "\xe2\x80\xa6"); /* an ellipsis */
			return width + 1;
		}
		for (i = 0; masked && i < n; i++)
			buf_addf(to, "\\x%02x", (unsigned char)s[i]);
		if (!masked)
			buf_add(to, s, n);
		width += w;
		s += n;
	}
	return width;
}

void
out_table_init(struct out_table *t, const struct out_column *columns, size_t n)
{
	memset(t, 0, sizeof *t);
	t->columns = columns;
	t->columns_n = n;
}

void
out_table_cell(struct out_table *t, const char *text)
{
	XGROW(t->cells, t->n, t->cap);
	t->cells[t->n++] = text != NULL ? xstrdup(text) : NULL;
}

static size_t
max_width(const struct out_table *t, size_t column)
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
show_row(const struct out_table *t, char *const *cells, const size_t *widths,
    struct buf *to)
{
	struct buf cell = BUF_INIT;
	size_t i, width, pad = 0;
	const char *s;

	for (i = 0; i < t->columns_n; i++) {
		s = cells == NULL ? t->columns[i].title : cells[i];
		buf_clear(&cell);
		width =
		    add_visible(&cell, s != NULL ? s : "-", max_width(t, i));
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
show_table(const struct out_table *t, struct buf *to)
{
	struct buf scratch = BUF_INIT;
	size_t *widths = xcalloc(t->columns_n, sizeof *widths);
	size_t i, w;
	const char *s;

	for (i = 0; i < t->n + t->columns_n; i++) {
		s = i < t->columns_n ? t->columns[i].title
				     : t->cells[i - t->columns_n];
		buf_clear(&scratch);
		w = add_visible(&scratch, s != NULL ? s : "-",
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
	return *s != '\0' && strchr("=+-@\t\r", *s) != NULL;
}

/* RFC 4180. Text that begins like a formula gets an apostrophe, by which
 * spreadsheets take it as text. */
void
out_csv_cell(struct buf *to, const char *s, bool number)
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
show_csv(const struct out_table *t, struct buf *to)
{
	size_t i, column;

	for (i = 0; i < t->columns_n; i++) {
		if (i > 0)
			buf_addc(to, ',');
		out_csv_cell(to, t->columns[i].title, false);
	}
	buf_adds(to, "\r\n");
	for (i = 0; i < t->n; i++) {
		column = i % t->columns_n;
		if (t->cells[i] != NULL)
			out_csv_cell(to, t->cells[i], t->columns[column].right);
		if (column + 1 < t->columns_n)
			buf_addc(to, ',');
		else
			buf_adds(to, "\r\n");
	}
}

void
out_table_show(const struct out_table *t, enum out_format f, struct buf *to)
{
	if (t->columns_n == 0)
		return;
	if (f == OUT_CSV)
		show_csv(t, to);
	else
		show_table(t, to);
}

void
out_table_release(struct out_table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	memset(t, 0, sizeof *t);
}
