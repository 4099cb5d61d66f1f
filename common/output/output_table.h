/*
 * output_table: prints rows as a table for people or as CSV, and reads the
 * option -o, which also has NDJSON. Default: a table when stdout is a terminal,
 * else NDJSON.
 *
 * CSV follows RFC 4180; text that a spreadsheet would run as a formula gets a
 * leading apostrophe. The width of a table's cells is that of their characters
 * on a terminal; control characters are masked.
 */
#ifndef COMMON_OUTPUT_OUTPUT_TABLE_H
#define COMMON_OUTPUT_OUTPUT_TABLE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

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

/* Appends one cell of CSV. A number is no formula, whatever it begins with. */
void output_csv_cell(struct buf *to, const char *s, bool number);

struct output_column {
	const char *title;
	bool right; /* numbers stand to the right */
};

/* A table in memory. Its columns are set first; cells are added row by row,
 * left to right. A NULL cell is shown as "-" (table) or empty (CSV). */
struct output_table {
	const struct output_column *columns;
	size_t columns_n;
	char **cells; /* private */
	size_t n, cap;
};

void output_table_init(
    struct output_table *t, const struct output_column *columns, size_t n);
void output_table_cell(struct output_table *t, const char *text);
void output_table_show(const struct output_table *t, enum output_format f,
    struct buf *to); /* TABLE or CSV */
void output_table_release(struct output_table *t);

#endif
