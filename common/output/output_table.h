/*
 * output_table: prints rows as a table for people or as CSV. The option -o also
 * has NDJSON. Default: a table if stdout is a terminal, otherwise NDJSON.
 *
 * CSV follows RFC 4180; text that a spreadsheet would run as a formula gets a
 * leading apostrophe. The width of a table's cells is that of their characters
 * on a terminal; control characters are masked. A table can be fitted to a
 * width: columns are omitted from the right, and named below. A number is never
 * truncated, because part of a number is another number.
 */
#ifndef COMMON_OUTPUT_OUTPUT_TABLE_H
#define COMMON_OUTPUT_OUTPUT_TABLE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_format { OUTPUT_AUTO, OUTPUT_TABLE, OUTPUT_NDJSON, OUTPUT_CSV };

/* Replaces AUTO with TABLE or NDJSON, depending on stdout. */
enum output_format output_format_resolve(enum output_format f);

/* Excel takes CSV for UTF-8 only after this mark; other programs that read
 * whole files ignore it. */
#define OUTPUT_CSV_BOM "\xef\xbb\xbf"

/* Appends one CSV cell. A number does not count as a formula, even if it begins
 * with a sign. */
void output_csv_cell(struct buf *to, const char *s, bool number);

/* Returns the width for output: the environment's COLUMNS, otherwise that of
 * the terminal at stdout; SIZE_MAX if stdout is not a terminal, because any
 * width is then acceptable. */
size_t output_width(void);

/* Appends a line of ASCII words; a line wider than `width` is broken at spaces,
 * so that no number is split. */
void output_wrap(struct buf *to, const char *line, size_t width);

enum output_kind {
	OUTPUT_TEXT,   /* truncated to 60 columns, except in the last column */
	OUTPUT_NUMBER, /* right-aligned, never truncated */
	OUTPUT_NAME,   /* truncated to 24 columns */
};

struct output_column {
	const char *title;
	enum output_kind kind;
};

/* A table in memory. Its columns are set first; cells are added row by row,
 * from left to right. A NULL cell is shown as "-" (table) or empty (CSV). */
struct output_table {
	const struct output_column *columns;
	size_t columns_n;
	size_t width; /* to fit; SIZE_MAX, the initial value: any */
	char **cells; /* private */
	size_t n, cap;
};

void output_table_init(
    struct output_table *t, const struct output_column *columns, size_t n);
void output_table_cell(struct output_table *t, const char *text);
void output_table_show(const struct output_table *t, enum output_format f,
    struct buf *to); /* TABLE or CSV */
void output_table_release(struct output_table *t);

/* Appends records, a line of NDJSON each, in a format: as they are, or as the
 * rows of a table whose titles name their members. A flag becomes yes or no. */
void output_records(const struct output_column *columns, size_t n,
    enum output_format f, const struct buf *records, struct buf *to);

/* Appends the text with control characters and invalid UTF-8 masked. A text
 * wider than max (at least 1) is truncated to that width, including an ellipsis
 * at its end. Returns the width in columns. */
size_t display_add(struct buf *to, const char *s, size_t max);

#define DURATION_TEXT 32

/* Writes a duration for people: "0.4s", "42s", "3m12s", "2h05m", "4d03h": at
 * most two units, rounded down. text has DURATION_TEXT bytes and is
 * returned. */
const char *duration_format(int64_t ms, char *text);

#endif
