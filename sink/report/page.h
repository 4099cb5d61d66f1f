/*
 * page: a report in HTML: its frame, its text, and its tables, which can also
 * be written as CSV. If a mail program removes pictures, styles, or everything
 * except tables and text, the rest contains the same data: tables have
 * old-style attributes, which work without styles. The page is well-formed XML,
 * so programs can read it without an HTML parser.
 */
#ifndef SINK_REPORT_PAGE_H
#define SINK_REPORT_PAGE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends UTF-8 text from any source as text or within quotes: it cannot become
 * a tag or an attribute. Characters that XML forbids become question marks. */
void markup_text(struct buf *to, const char *text);

/* Cells are text, as in the API and the database: seconds with three decimals,
 * shares from 0 to 1. CSV has them unchanged; the page shows "3m20s", "93.4
 * %". */
enum figure_unit {
	FIGURE_TEXT,
	FIGURE_TIME,     /* "2026-11-20 10:00" */
	FIGURE_COMPLETE, /* FIGURE_COMPLETE_NOT, or another text; the page shows
			  * the column if a row has it */
	FIGURE_PERIOD,   /* a day, or text: see figure_period() */
	FIGURE_COUNT,
	FIGURE_SHADED, /* a count; the page shades it, the greater the darker */
	FIGURE_SECONDS,
	FIGURE_SHARE,
	FIGURE_CHANGE, /* a relative change with its sign; for rows of shares,
			* in percentage points */
	FIGURE_KEY,    /* for programs: the page does not show the column */
	FIGURE_UNIT,   /* the same; a word of figure_unit_word() */
	FIGURE_OF_ROW  /* the unit is in the row's column of FIGURE_UNIT */
};

#define FIGURE_COMPLETE_NOT "no"

struct figure_column {
	const char *name;  /* in CSV, and in the API if it comes from there */
	const char *title; /* for people */
	enum figure_unit unit;
};

/* Cells are added row by row, from left to right. */
struct figure_table {
	const struct figure_column *columns; /* borrowed */
	size_t columns_n;
	char **cells; /* owned, as their texts are; NULL: absent */
	size_t n, cap;
};

void figure_add(struct figure_table *t, const char *text);
void figure_add_int(struct figure_table *t, int64_t n); /* INT64_MIN: absent */
void figure_release(struct figure_table *t);

size_t figure_rows(const struct figure_table *t);
const char *figure_at(const struct figure_table *t, size_t row, size_t column);

/* Returns the cell as a number; NAN: absent. */
double figure_value(const struct figure_table *t, size_t row, size_t column);

/* Returns the unit of a cell; if it varies by row, from the row. */
enum figure_unit figure_unit_at(
    const struct figure_table *t, size_t row, size_t column);
const char *figure_unit_word(enum figure_unit unit);

/* Appends a cell for people; an absent one is a dash. */
void figure_show(
    struct buf *to, const struct figure_table *t, size_t row, size_t column);

/* Appends "3m20s", see duration_format(). */
void figure_duration(struct buf *to, double seconds);

/* Appends "Mon 2026-11-16" for a day, and any other text unchanged. */
void figure_period(struct buf *to, const char *text);

/* verdict: the sentence on top. */
void page_begin(struct buf *to, const char *title, const char *verdict,
    const char *subtitle);
void page_end(struct buf *to);

/* Begin and end a part; note may be NULL. */
void page_part_begin(
    struct buf *to, const char *name, const char *title, const char *note);
void page_part_end(struct buf *to);

/* Appends a table; without rows, a sentence instead. If it has more than twice
 * `ends` rows, only the first and last `ends` are shown; 0: all. */
void page_table(struct buf *to, const struct figure_table *t, size_t ends);

#endif
