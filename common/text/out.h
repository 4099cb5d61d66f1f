/*
 * out: prints rows as a table for people or as CSV, and reads the option -o,
 * which also has NDJSON. Default: a table when stdout is a terminal, else
 * NDJSON.
 *
 * CSV follows RFC 4180; text that a spreadsheet would run as a formula gets a
 * leading apostrophe. The width of a table's cells is that of their characters
 * on a terminal; control characters are masked.
 */
#ifndef COMMON_TEXT_OUT_H
#define COMMON_TEXT_OUT_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

enum out_format { OUT_AUTO, OUT_TABLE, OUT_NDJSON, OUT_CSV };

/* -1 when it is none of table, ndjson, csv. */
int out_format_parse(const char *s, enum out_format *f)
    __attribute__((warn_unused_result));

/* Reads the value of -o: -1 to go on, else the exit code, after a message with
 * the formats. */
int out_format_option(const char *s, enum out_format *f)
    __attribute__((warn_unused_result));

/* AUTO becomes TABLE or NDJSON, by stdout. */
enum out_format out_format_resolve(enum out_format f);

/* Appends one cell of CSV. A number is no formula, whatever it begins with. */
void out_csv_cell(struct buf *to, const char *s, bool number);

struct out_column {
	const char *title;
	bool right; /* numbers stand to the right */
};

/* A table in memory. Its columns are set first; cells are added row by row,
 * left to right. A NULL cell is shown as "-" (table) or empty (CSV). */
struct out_table {
	const struct out_column *columns;
	size_t columns_n;
	char **cells; /* private */
	size_t n, cap;
};

void out_table_init(
    struct out_table *t, const struct out_column *columns, size_t n);
void out_table_cell(struct out_table *t, const char *text);
void out_table_show(const struct out_table *t, enum out_format f,
    struct buf *to); /* TABLE or CSV */
void out_table_release(struct out_table *t);

#endif
