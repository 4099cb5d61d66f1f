/*
 * output_table: see output_table.h.
 */
#include "common/output/output_table.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <unistr.h>
#include <uniwidth.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/json/json_text.h"

/* Widths come from libunistring, not wcwidth(3), so that a table looks the same
 * in every locale, including cron's "C". */

size_t
display_add(struct buf *to, const char *s, size_t max)
{
	size_t width = 0, kept = to->len, kept_width = 0, n, w, i;
	ucs4_t c;
	int length;
	bool masked;

	while (*s != '\0') {
		length = u8_strmbtouc(&c, (const uint8_t *)s);
		masked = length < 0 || log_masks(c);
		n = length < 0 ? 1 : (size_t)length;
		w = masked ? 4 * n : (size_t)uc_width(c, "UTF-8");
		if (width + w > max) {
			buf_cut(to, kept);
			buf_adds(to, "\xe2\x80\xa6"); /* an ellipsis */
			return kept_width + 1;
		}
		for (i = 0; masked && i < n; i++)
			buf_addf(to, "\\x%02x", (unsigned char)s[i]);
		if (!masked)
			buf_add(to, s, n);
		width += w;
		s += n;
		if (width < max) { /* an ellipsis would fit after it */
			kept = to->len;
			kept_width = width;
		}
	}
	return width;
}

const char *
duration_format(int64_t ms, char *text)
{
	int64_t s = ms / 1000;

	if (ms < 10 * 1000)
		snprintf(text, DURATION_TEXT, "%" PRId64 ".%" PRId64 "s", s,
		    ms % 1000 / 100);
	else if (s < 60)
		snprintf(text, DURATION_TEXT, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(text, DURATION_TEXT, "%" PRId64 "m%02" PRId64 "s",
		    s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, DURATION_TEXT, "%" PRId64 "h%02" PRId64 "m",
		    s / 3600, s % 3600 / 60);
	else
		snprintf(text, DURATION_TEXT, "%" PRId64 "d%02" PRId64 "h",
		    s / 86400, s % 86400 / 3600);
	return text;
}

/* Wider cells are truncated, so that the others stay on the screen. */
#define TEXT_MAX 60
#define NAME_MAX_WIDTH 24

#define GAP 2 /* between two columns */

enum output_format
output_format_resolve(enum output_format f)
{
	if (f != OUTPUT_AUTO)
		return f;
	return isatty(STDOUT_FILENO) ? OUTPUT_TABLE : OUTPUT_NDJSON;
}

size_t
output_width(void)
{
	struct winsize size = { .ws_col = 0 };
	const char *columns = getenv("COLUMNS");
	int64_t n;

	if (columns != NULL && parse_int(columns, 1, 100000, &n) == 0)
		return (size_t)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return SIZE_MAX;
}

void
output_wrap(struct buf *to, const char *line, size_t width)
{
	size_t at = 0, word;

	while (*line != '\0') {
		word = strcspn(line, " ");
		if (at > 0 && word >= width - at) {
			buf_addc(to, '\n');
			at = 0;
		} else if (at > 0) {
			buf_addc(to, ' ');
			at++;
		}
		buf_add(to, line, word);
		at += word < width - at ? word : width - at;
		line += word;
		line += strspn(line, " ");
	}
	buf_addc(to, '\n');
}

void
output_table_init(
    struct output_table *t, const struct output_column *columns, size_t n)
{
	memset(t, 0, sizeof *t);
	t->columns = columns;
	t->columns_n = n;
	t->width = SIZE_MAX;
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
	enum output_kind kind = t->columns[column].kind;

	if (kind == OUTPUT_NAME)
		return NAME_MAX_WIDTH;
	return kind == OUTPUT_NUMBER || column + 1 == t->columns_n ? SIZE_MAX
								   : TEXT_MAX;
}

static void
add_blanks(struct buf *to, size_t n)
{
	while (n-- > 0)
		buf_addc(to, ' ');
}

/* Shows one row, its first n cells; cells NULL: the titles. */
static void
show_row(const struct output_table *t, size_t n, char *const *cells,
    const size_t *widths, struct buf *to)
{
	struct buf cell = BUF_INIT;
	size_t i, width, pad = 0;
	const char *s;

	for (i = 0; i < n; i++) {
		bool right = t->columns[i].kind == OUTPUT_NUMBER;

		s = cells == NULL ? t->columns[i].title : cells[i];
		buf_clear(&cell);
		width =
		    display_add(&cell, s != NULL ? s : "-", max_width(t, i));
		/* Spaces are only written before a cell, so no line ends with
		 * spaces. */
		pad += i > 0 ? GAP : 0;
		if (right || width == 0)
			pad += widths[i] - width;
		if (width == 0)
			continue;
		add_blanks(to, pad);
		buf_add(to, buf_str(&cell), cell.len);
		pad = right ? 0 : widths[i] - width;
	}
	buf_addc(to, '\n');
	buf_release(&cell);
}

/* Returns how many columns fit; at least the first one. */
static size_t
fitting_columns(const struct output_table *t, const size_t *widths)
{
	size_t n = 1, width = widths[0];

	for (; n < t->columns_n; n++) {
		width += GAP + widths[n];
		if (width > t->width)
			break;
	}
	return n;
}

/* Otherwise readers might assume that the table has no other columns. */
static void
name_missing_columns(const struct output_table *t, size_t n, struct buf *to)
{
	struct buf line = BUF_INIT;

	buf_addf(&line, "not shown at %zu columns:", t->width);
	for (; n < t->columns_n; n++)
		buf_addf(&line, " %s%s", t->columns[n].title,
		    n + 1 < t->columns_n ? "," : "");
	output_wrap(to, buf_str(&line), t->width);
	buf_release(&line);
}

static void
show_table(const struct output_table *t, struct buf *to)
{
	struct buf scratch = BUF_INIT;
	size_t *widths = xcalloc(t->columns_n, sizeof *widths);
	size_t i, w, n;
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
	n = fitting_columns(t, widths);
	show_row(t, n, NULL, widths, to);
	for (i = 0; i + t->columns_n <= t->n; i += t->columns_n)
		show_row(t, n, t->cells + i, widths, to);
	if (n < t->columns_n)
		name_missing_columns(t, n, to);
	buf_release(&scratch);
	free(widths);
}

/* Spreadsheets in East Asia accept the wide forms of = + - @, too. */
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

/* RFC 4180. Text that begins like a formula gets an apostrophe, so that
 * spreadsheets treat it as text. */
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
			output_csv_cell(to, t->cells[i],
			    t->columns[column].kind == OUTPUT_NUMBER);
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

/* ---- records ---- */

static void
add_record(struct output_table *t, const struct flat *f)
{
	struct buf text = BUF_INIT;
	size_t i;

	for (i = 0; i < t->columns_n; i++) {
		const struct flat_field *v = flat_find(f, t->columns[i].title);
		bool flag = v != NULL &&
			    (v->kind == FLAT_TRUE || v->kind == FLAT_FALSE);

		buf_clear(&text);
		if (flag)
			buf_adds(&text, v->kind == FLAT_TRUE ? "yes" : "no");
		else if (v != NULL)
			buf_add(&text, v->val, v->val_len);
		output_table_cell(t,
		    v == NULL || v->kind == FLAT_NULL ? NULL : buf_str(&text));
	}
	buf_release(&text);
}

/* A line with a path that is not UTF-8 cannot be read as JSON. */
static void
add_unreadable(struct output_table *t, const char *line, size_t len)
{
	struct buf text = BUF_INIT;
	size_t i;

	buf_add(&text, line, len);
	for (i = 0; i < t->columns_n; i++)
		output_table_cell(
		    t, i + 1 == t->columns_n ? buf_str(&text) : NULL);
	buf_release(&text);
}

void
output_records(const struct output_column *columns, size_t n,
    enum output_format f, const struct buf *records, struct buf *to)
{
	const char *line = buf_str(records), *end;
	struct flat fields = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct output_table t;

	if (f == OUTPUT_NDJSON) {
		buf_add(to, records->data, records->len);
		return;
	}
	output_table_init(&t, columns, n);
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		size_t len = (size_t)(end - line);

		if (flat_parse(&fields, line, len, &why) == 0)
			add_record(&t, &fields);
		else
			add_unreadable(&t, line, len);
	}
	output_table_show(&t, f, to);
	output_table_release(&t);
	flat_release(&fields);
	buf_release(&why);
}
