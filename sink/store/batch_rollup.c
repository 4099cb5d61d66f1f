/*
 * batch_rollup: see batch_rollup.h.
 */
#include "sink/store/batch_rollup.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/rollup/analytics_hours.h"

static void
free_ids(void *ctx)
{
	struct strmap *ids = ctx;

	strmap_release(ids, NULL);
	free(ids);
}

static void
clear_analyses(struct batch_rollup *r)
{
	strmap_release(&r->analyses, free_ids);
	r->analyses = (struct strmap)STRMAP_INIT;
}

void
batch_rollup_init(struct batch_rollup *r, struct db *db)
{
	*r = (struct batch_rollup){ .db = db, .analyses = STRMAP_INIT };
	rollup_init(&r->responses, db);
	quarters_init(&r->quarters, db);
}

void
batch_rollup_release(struct batch_rollup *r)
{
	clear_analyses(r);
	rollup_release(&r->responses);
	quarters_release(&r->quarters);
}

static struct strmap *
ids_of(struct batch_rollup *r, const struct batch_tenant *t)
{
	void **slot = strmap_put(&r->analyses, t->name.p, t->name.len);

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof(struct strmap));
	return *slot;
}

enum outcome
batch_rollup_before(struct batch_rollup *r, const struct row_batch *b)
{
	const size_t id = TABLE_COLUMN(message_analytics, id);
	const struct row_list *rows = &b->rows[TABLE_message_analytics];
	const struct strmap_entry *e;
	enum outcome o = OUTCOME_DONE;
	const struct sink_row *row;
	size_t i;

	clear_analyses(r);
	for (i = 0; i < rows->n; i++) {
		row = rows->row[i];
		if (row->fate == ROW_STORED)
			*strmap_put(ids_of(r, row->tenant),
			    row->values[id].text, row->values[id].len) = r;
	}
	for (i = 0;
	     o == OUTCOME_DONE && (e = strmap_next(&r->analyses, &i)) != NULL;)
		o = analytics_hours_find_new(
		    r->db, (struct text){ e->key, e->key_len }, e->value);
	return o;
}

/* Tells which hours have new rows. */
static void
add_hours_of(struct batch_rollup *r, const struct row_list *rows)
{
	const struct sink_row *row;
	size_t i;

	/* All of these tables begin with tenant, hour and operator. */
	for (i = 0; i < rows->n; i++) {
		row = rows->row[i];
		if (row->fate != ROW_STORED)
			continue;
		rollup_add(&r->responses, row->tenant->name, row->values[1].num,
		    (struct text){ row->values[2].text, row->values[2].len });
		quarter_locks_add(
		    &r->quarters.locks, row->tenant->name, row->values[1].num);
	}
}

/* The same of intervals, from which quarters are made. */
static void
add_hours_of_intervals(struct batch_rollup *r, const struct row_list *rows)
{
	const size_t end_at = TABLE_COLUMN(intervals, end_at);
	const struct sink_row *row;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		row = rows->row[i];
		if (row->fate == ROW_STORED)
			quarter_locks_add(&r->quarters.locks, row->tenant->name,
			    clock_floor(row->values[end_at].num, HOUR_MS));
	}
}

enum outcome
batch_rollup_after(struct batch_rollup *r, const struct row_batch *b)
{
	const struct strmap_entry *e;
	enum outcome o = OUTCOME_DONE;
	size_t i = 0;

	while (o == OUTCOME_DONE && (e = strmap_next(&r->analyses, &i)) != NULL)
		o = analytics_hours_add(
		    r->db, (struct text){ e->key, e->key_len }, e->value);
	rollup_begin(&r->responses);
	quarter_locks_begin(&r->quarters.locks);
	add_hours_of(r, &b->rows[TABLE_response_hours]);
	add_hours_of(r, &b->rows[TABLE_response_hours_parts]);
	add_hours_of(r, &b->rows[TABLE_response_histogram]);
	add_hours_of(r, &b->rows[TABLE_response_histogram_parts]);
	add_hours_of_intervals(r, &b->rows[TABLE_intervals]);
	if (o == OUTCOME_DONE)
		o = rollup_changed(&r->responses);
	return o == OUTCOME_DONE ? quarter_locks_spoil(&r->quarters.locks) : o;
}

void
batch_rollup_rest(struct batch_rollup *r, const struct row_batch *b)
{
	const struct strmap_entry *e;
	int64_t now_ms = clock_now_ms();
	size_t i = 0;

	while ((e = strmap_next(&b->tenants, &i)) != NULL)
		quarters_make_due(
		    &r->quarters, (struct text){ e->key, e->key_len }, now_ms);
}
