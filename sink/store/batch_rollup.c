/*
 * batch_rollup: see batch_rollup.h.
 */
#include "sink/store/batch_rollup.h"

#include "common/base/clock.h"

void
batch_rollup_init(struct batch_rollup *r, struct db *db)
{
	rollup_init(&r->responses, db);
	sums_due_init(&r->due, db);
}

void
batch_rollup_release(struct batch_rollup *r)
{
	rollup_release(&r->responses);
	sums_due_release(&r->due);
}

/* Tells which hours of operators have new rows. */
static void
add_hours_of(struct batch_rollup *r, const struct row_list *rows)
{
	const struct sink_row *row;
	size_t i;

	/* All of these tables begin with tenant, hour and operator. */
	for (i = 0; i < rows->n; i++) {
		row = rows->row[i];
		if (row->fate == ROW_STORED)
			rollup_add(&r->responses, row->tenant->name,
			    row->values[1].num,
			    (struct text){
				row->values[2].text, row->values[2].len });
	}
}

/* Tells which hours are to be added up later. */
static void
add_due_hours(struct batch_rollup *r, const struct row_list *rows,
    enum sums_kind kind, size_t time)
{
	const struct sink_row *row;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		row = rows->row[i];
		if (row->fate == ROW_STORED)
			sums_due_add(&r->due, row->tenant->name, kind,
			    clock_floor(row->values[time].num, HOUR_MS));
	}
}

enum outcome
batch_rollup_store(struct batch_rollup *r, const struct row_batch *b)
{
	enum outcome o;

	rollup_begin(&r->responses);
	sums_due_begin(&r->due);
	add_hours_of(r, &b->rows[TABLE_response_hours]);
	add_hours_of(r, &b->rows[TABLE_response_hours_parts]);
	add_hours_of(r, &b->rows[TABLE_response_histogram]);
	add_hours_of(r, &b->rows[TABLE_response_histogram_parts]);
	add_due_hours(r, &b->rows[TABLE_intervals], SUMS_OF_CHANNELS,
	    TABLE_COLUMN(intervals, end_at));
	add_due_hours(r, &b->rows[TABLE_message_analytics], SUMS_OF_ANALYTICS,
	    TABLE_COLUMN(message_analytics, created_at));
	o = rollup_changed(&r->responses);
	return o == OUTCOME_DONE ? sums_due_list(&r->due) : o;
}
