/*
 * figures: a table of a report in memory, and how people read its cells. Cells
 * are text, as the API and the database have them: seconds with three decimals,
 * shares from 0 to 1. CSV has them like that; the page has "3m20s", "93.4 %".
 */
#ifndef SINK_PAGE_FIGURES_H
#define SINK_PAGE_FIGURES_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum figure_unit {
	FIGURE_TEXT,
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
void figure_add_seconds(struct figure_table *t, int64_t ms); /* the same */
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

#endif
