/*
 * figures: see figures.h.
 */
#include "sink/page/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/decimal.h"
#include "common/base/xalloc.h"
#include "common/output/duration.h"

#define DASH "\xe2\x80\x93"

static const char *const unit_words[] = {
	[FIGURE_COUNT] = "count",
	[FIGURE_SECONDS] = "seconds",
	[FIGURE_SHARE] = "share",
};

void
figure_add(struct figure_table *t, const char *text)
{
	XGROW(t->cells, t->n, t->cap);
	t->cells[t->n++] = text != NULL ? xstrdup(text) : NULL;
}

void
figure_add_int(struct figure_table *t, int64_t n)
{
	char text[DECIMAL_ROOM];

	figure_add(t, decimal_text(text, n));
}

void
figure_add_seconds(struct figure_table *t, int64_t ms)
{
	char text[DECIMAL_ROOM];

	figure_add(t, decimal_text_thousandths(text, ms));
}

void
figure_release(struct figure_table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct figure_table){ .cells = NULL };
}

size_t
figure_rows(const struct figure_table *t)
{
	return t->n / t->columns_n;
}

const char *
figure_at(const struct figure_table *t, size_t row, size_t column)
{
	return t->cells[row * t->columns_n + column];
}

double
figure_value(const struct figure_table *t, size_t row, size_t column)
{
	const char *text = figure_at(t, row, column);

	return text != NULL ? strtod(text, NULL) : (double)NAN;
}

const char *
figure_unit_word(enum figure_unit unit)
{
	return unit_words[unit];
}

static enum figure_unit
unit_of_row(const struct figure_table *t, size_t row)
{
	const char *word = "";
	size_t i;

	for (i = 0; i < t->columns_n; i++) {
		if (t->columns[i].unit == FIGURE_UNIT)
			word = figure_at(t, row, i);
	}
	for (i = 0; i < ARRAY_LEN(unit_words); i++) {
		if (unit_words[i] != NULL && strcmp(unit_words[i], word) == 0)
			return (enum figure_unit)i;
	}
	return FIGURE_TEXT;
}

enum figure_unit
figure_unit_at(const struct figure_table *t, size_t row, size_t column)
{
	enum figure_unit unit = t->columns[column].unit;

	return unit == FIGURE_OF_ROW ? unit_of_row(t, row) : unit;
}

void
figure_duration(struct buf *to, double seconds)
{
	char text[DURATION_TEXT];

	/* What has three decimals is not a whole number of ms as a double. */
	buf_adds(
	    to, duration_format((int64_t)floor(seconds * 1000 + 1e-3), text));
}

void
figure_period(struct buf *to, const char *text)
{
	static const char *const weekdays[] = { "Thu", "Fri", "Sat", "Sun",
		"Mon", "Tue", "Wed" }; /* 1970 began with a Thursday */
	char day[] = "2026-11-20T00:00:00Z";
	int64_t ms;

	if (strlen(text) == 10) {
		memcpy(day, text, 10);
		if (clock_parse(day, sizeof day - 1, &ms) == 0 && ms >= 0)
			buf_addf(to, "%s ", weekdays[ms / DAY_MS % 7]);
	}
	buf_adds(to, text);
}

void
figure_show(
    struct buf *to, const struct figure_table *t, size_t row, size_t column)
{
	const char *text = figure_at(t, row, column);
	double value = figure_value(t, row, column);

	if (text == NULL) {
		buf_adds(to, DASH);
		return;
	}
	switch (figure_unit_at(t, row, column)) {
	case FIGURE_SECONDS:
		figure_duration(to, value);
		break;
	case FIGURE_SHARE:
		buf_addf(to, "%.1f %%", 100 * value);
		break;
	case FIGURE_CHANGE:
		buf_addf(to, "%+.1f %s", 100 * value,
		    unit_of_row(t, row) == FIGURE_SHARE ? "pp" : "%");
		break;
	case FIGURE_PERIOD:
		figure_period(to, text);
		break;
	case FIGURE_TEXT:
	case FIGURE_COUNT:
	case FIGURE_KEY:
	case FIGURE_UNIT:
	case FIGURE_OF_ROW:
		buf_adds(to, text);
		break;
	}
}
