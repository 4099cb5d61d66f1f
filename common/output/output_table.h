/*
 * output_table: prints rows as a table for people or as CSV, and reads the
 * option -o, which also has NDJSON. Default: a table when stdout is a terminal,
 * else NDJSON.
 *
 * CSV follows RFC 4180; text that a spreadsheet would run as a formula gets a
 * leading apostrophe. The width of a table's cells is that of their characters
 * on a terminal; control characters are masked. A table can be made to fit a
 * width: columns are left out from the right, and named below. A number is
 * never cut, since a part of one is another number.
 */
#ifndef COMMON_OUTPUT_OUTPUT_TABLE_H
#define COMMON_OUTPUT_OUTPUT_TABLE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_format { OUTPUT_AUTO, OUTPUT_TABLE, OUTPUT_NDJSON, OUTPUT_CSV };

/* -1 when it is none of table, ndjson, csv. */
int output_format_parse(const char *s, enum output_format *f)
    __attribute__((warn_unused_result));

/* Reads the value of -o: -1 to go on, else the exit code, after a message with
 * the formats. */
int output_format_option(const char *s, enum output_format *f)
    __attribute__((warn_unused_result));

/* AUTO becomes TABLE or NDJSON, by stdout. */
enum output_format output_format_resolve(enum output_format f);

/* Appends one cell of CSV. A number is not a formula, whatever it begins with.
 */
void output_csv_cell(struct buf *to, const char *s, bool number);

/* The width to write for: COLUMNS of the environment, else that of the terminal
 * at stdout. SIZE_MAX where stdout is not a terminal: any width will do. */
size_t output_width(void);
/* The lines to write at most: LINES of the environment, else SIZE_MAX. */
size_t output_lines(void);

/* Appends a line of words in ASCII; where it is wider than that it is broken at
 * blanks, so that no number is broken. */
void output_wrap(struct buf *to, const char *line, size_t width);

enum output_kind {
	OUTPUT_TEXT,   /* cut at 60 columns, except as the last of a row */
	OUTPUT_NUMBER, /* to the right, never cut */
	OUTPUT_NAME,   /* cut at 24 columns */
};

struct output_column {
	const char *title;
	enum output_kind kind;
};

/* A table in memory. Its columns are set first; cells are added row by row,
 * left to right. A NULL cell is shown as "-" (table) or empty (CSV). */
struct output_table {
	const struct output_column *columns;
	size_t columns_n;
	size_t width; /* to fit, at first SIZE_MAX: any */
	char **cells; /* private */
	size_t n, cap;
};

void output_table_init(
    struct output_table *t, const struct output_column *columns, size_t n);
void output_table_cell(struct output_table *t, const char *text);
void output_table_show(const struct output_table *t, enum output_format f,
    struct buf *to); /* TABLE or CSV */
void output_table_release(struct output_table *t);

/* Appends the text, control characters and bytes that are no UTF-8 masked. A
 * text wider than max (at least 1) is cut, so that it has that width with the
 * ellipsis at its end. Returns the width in columns. */
size_t display_add(struct buf *to, const char *s, size_t max);

#define DURATION_TEXT 32

/* A length of time for people: "0.4s", "42s", "3m12s", "2h05m", "4d03h": two
 * units at most, rounded down. text has DURATION_TEXT bytes and is returned. */
const char *duration_format(int64_t ms, char *text);

#endif
