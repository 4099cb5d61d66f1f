/*
 * sheet: writes the rows of an answer cell by cell as JSON, NDJSON or CSV. A
 * sheet has columns with types; each row has a cell for each, in order. JSON is
 * a list of objects; an absent value is null, in CSV an empty cell.
 */
#ifndef SINK_API_SHEET_H
#define SINK_API_SHEET_H

#include "common/base/buf.h"
#include "common/db/db.h"

#include <stddef.h>
#include <stdint.h>

enum sheet_format { SHEET_JSON, SHEET_NDJSON, SHEET_CSV };

enum sheet_type {
	SHEET_TEXT,
	SHEET_NUMBER, /* digits, as the database returns them */
	SHEET_TIME,   /* RFC 3339 in UTC */
	SHEET_FLAG
};

struct sheet_column {
	const char *name;
	enum sheet_type type;
	/* In the description of the API (common/json/openapi.h); NULL: as the
	 * type says, or null. */
	const char *shape;
};

struct sheet {
	struct buf *to; /* borrowed */
	enum sheet_format format;
	const struct sheet_column *columns; /* borrowed */
	size_t columns_n, at;
};

/* Begins with [ or a line of titles, if the format has it. */
void sheet_begin(struct sheet *s, struct buf *to, enum sheet_format format,
    const struct sheet_column *columns, size_t n);

/* Add the next cell. NULL, INT64_MIN (CLOCK_NONE): absent. The text of a number
 * is written unchanged. */
void sheet_text(struct sheet *s, const char *text);
void sheet_int(struct sheet *s, int64_t n);
void sheet_seconds(struct sheet *s, int64_t ms);
void sheet_time(struct sheet *s, int64_t ms);

/* Adds the next cell, from a column of a result's current row. */
void sheet_cell(struct sheet *s, const struct db_rows *r, size_t column);

/* Adds a whole row, from the current row of a result with the same columns. */
void sheet_row(struct sheet *s, const struct db_rows *r);

/* Ends with ], if the format has it. */
void sheet_end(struct sheet *s);

#endif
