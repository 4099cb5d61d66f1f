/*
 * judge_row: the derived columns of an interval: its work time, and whether its
 * target was kept, by the tenant's hours and targets.
 */
#ifndef SINK_STORE_JUDGE_ROW_H
#define SINK_STORE_JUDGE_ROW_H

#include "common/db/db.h"
#include "common/hours/terms.h"
#include "sink/rows/row.h"

#include <stdint.h>

/* An interval of the table, whose texts are borrowed. */
struct stored_interval {
	struct text tenant, kind, awaited, channel;
	int64_t begin, end; /* begin may be CLOCK_NONE */
};

/* The derived columns, in their order in the table. */
enum { JUDGED_COLUMNS = 4 };

/* Computes the derived columns; all are NULL if the tenant has neither hours
 * nor targets. */
void judge_interval(const struct terms_book *b, const struct stored_interval *i,
    struct db_value to[JUDGED_COLUMNS]);

/* Sets the derived columns of a row of intervals. */
void judge_row(const struct terms_book *b, struct sink_row *row);

#endif
