/*
 * page: a report in HTML: its frame, its text, and its tables, which CSV is
 * made of, too. Whatever a mail program takes away, pictures, styles, or all
 * but tables and text, the rest says the same: so tables have the attributes of
 * old, which survive where styles do not. The page is well-formed XML: anyone
 * who reads it by a program needs no parser of HTML.
 */
#ifndef SINK_REPORT_PAGE_H
#define SINK_REPORT_PAGE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends text of anyone, in UTF-8, as text or within quotes: it becomes no
 * tag and no attribute. What XML forbids becomes a question mark. */
void markup_text(struct buf *to, const char *text);

/* The same of its first characters, with an ellipsis where it is longer. */
void markup_cut(struct buf *to, const char *text, size_t characters);

/* Cells are text, as the API and the database have them: seconds with three
 * decimals, shares from 0 to 1. CSV has them like that; the page has "3m20s",
 * "93.4 %". */
enum figure_unit {
	FIGURE_TEXT,
	FIGURE_TIME,   /* "2026-11-20 10:00" */
	FIGURE_PERIOD, /* a day, or text: see figure_period() */
	FIGURE_COUNT,
	FIGURE_SECONDS,
	FIGURE_SHARE,
	FIGURE_CHANGE, /* a share that says by how much, with its sign; of rows
			* of shares it is in percentage points */
	FIGURE_KEY,    /* for programs: a page does not show the column */
	FIGURE_UNIT,   /* the same; a word of figure_unit_word() */
	FIGURE_OF_ROW  /* has the unit in the row's column of FIGURE_UNIT */
};

struct figure_column {
	const char *name;  /* in CSV, and in the API where it comes from */
	const char *title; /* for people */
	enum figure_unit unit;
};

/* Cells are added row by row, left to right. */
struct figure_table {
	const struct figure_column *columns; /* borrowed */
	size_t columns_n;
	char **cells; /* owned, as are the texts; NULL: absent */
	size_t n, cap;
};

void figure_add(struct figure_table *t, const char *text);
void figure_add_int(struct figure_table *t, int64_t n); /* INT64_MIN: absent */
void figure_release(struct figure_table *t);

size_t figure_rows(const struct figure_table *t);
const char *figure_at(const struct figure_table *t, size_t row, size_t column);

/* As a number; NAN: absent. */
double figure_value(const struct figure_table *t, size_t row, size_t column);

/* The unit of a cell, of the row where the column says so. */
enum figure_unit figure_unit_at(
    const struct figure_table *t, size_t row, size_t column);
const char *figure_unit_word(enum figure_unit unit);

/* Appends a cell for people; an absent one is a dash. */
void figure_show(
    struct buf *to, const struct figure_table *t, size_t row, size_t column);

/* Appends "3m20s", as duration.h has it. */
void figure_duration(struct buf *to, double seconds);

/* Appends "Mon 2026-11-16" for a day, and any other text unchanged. */
void figure_period(struct buf *to, const char *text);

/* How each page begins; see report_file_check(). */
#define PAGE_BEGIN "<!DOCTYPE html>\n<!-- messaging-analytics: a report -->\n"

/* verdict: the sentence on top. */
void page_begin(struct buf *to, const char *title, const char *verdict,
    const char *subtitle);
void page_end(struct buf *to);

/* Begins and ends a part; note may be NULL. */
void page_part_begin(
    struct buf *to, const char *name, const char *title, const char *note);
void page_part_end(struct buf *to);

/* Appends a table; one without rows is a sentence. Of one with more rows than
 * twice `ends` only so many first and last ones; 0: all. */
void page_table(struct buf *to, const struct figure_table *t, size_t ends);

#endif
