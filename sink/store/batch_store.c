/* batch_store: the transaction of a batch; see batch_store.h for its steps. */
#include "sink/store/batch_store.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/db/tenant_lock.h"
#include "sink/store/judge_row.h"
#include "sink/store/snapshot_end.h"
#include "sink/store/tenant_locks.h"
#include "sink/tables/upsert_sql.h"

void
batch_store_init(struct batch_store *s, struct db *db,
    const struct terms_book *terms, int64_t keep_ms, bool all)
{
	struct upsert_sql sql;
	size_t i;

	memset(s, 0, sizeof *s);
	s->db = db;
	s->terms = terms;
	s->slot = tenant_lock_slot();
	for (i = 0; i < TABLES; i++) {
		upsert_sql_init(&sql, &tables[i]);
		s->upsert[i] = db_bulk_new(db, sql.head, sql.row, sql.tail,
		    tables[i].columns_n + tables[i].derived);
		upsert_sql_release(&sql);
	}
	barred_rows_init(&s->barred, db, keep_ms, all);
	flush_heads_init(&s->flush_heads, db);
	due_hours_init(&s->due, db);
}

void
batch_store_release(struct batch_store *s)
{
	size_t i;

	for (i = 0; i < TABLES; i++)
		db_bulk_free(s->upsert[i]);
	barred_rows_release(&s->barred);
	strmap_release(&s->tenants, NULL);
	flush_heads_release(&s->flush_heads);
	forgotten_rows_release(&s->forgotten);
	due_hours_release(&s->due);
	free(s->sent);
}

/* Stores the rows [first, first + n) of the bulk. If the database rejects one
 * of them, halving finds it. */
static enum outcome
run_halves(struct batch_store *s, struct db_bulk *bulk, size_t first, size_t n)
{
	enum outcome o = db_bulk_run(bulk, first, n);
	struct sink_row *row;
	const char *why, *text;
	size_t half = n / 2;

	if (o != OUTCOME_NEVER || db_cause(s->db) != DB_DATA)
		return o;
	if (n == 1) {
		row = s->sent[first];
		row->fate = ROW_BAD;
		/* Without the prefix "database mysql://...: ". */
		why = db_why(s->db);
		text = strstr(why, ": ");
		text = text != NULL ? text + 2 : why;
		row->reason = arena_copy(&s->batch->arena, text, strlen(text));
		return OUTCOME_DONE;
	}
	o = run_halves(s, bulk, first, half);
	return o == OUTCOME_DONE ? run_halves(s, bulk, first + half, n - half)
				 : o;
}

static enum outcome
upsert(struct batch_store *s, size_t k)
{
	struct row_list *rows = &s->batch->rows[k];
	struct db_bulk *bulk = s->upsert[k];
	size_t i, n = 0;

	db_bulk_clear(bulk);
	if (s->sent_cap < rows->n) {
		s->sent_cap = rows->n;
		s->sent = xrealloc(s->sent, rows->n, sizeof *s->sent);
	}
	for (i = 0; i < rows->n; i++)
		if (rows->row[i]->fate == ROW_STORED &&
		    (rows->row[i]->of == NULL ||
			rows->row[i]->of->fate == ROW_STORED)) {
			if (k == TABLE_intervals)
				judge_row(s->terms, rows->row[i]);
			s->sent[n++] = rows->row[i];
			db_bulk_add(bulk, rows->row[i]->values);
		}
	return n > 0 ? run_halves(s, bulk, 0, n) : OUTCOME_DONE;
}

/* Records which hours must be added up later. */
static void
add_due_hours(struct batch_store *s, const struct row_list *rows, size_t time)
{
	const struct sink_row *row;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		row = rows->row[i];
		if (row->fate == ROW_STORED)
			due_hours_add(&s->due, row->tenant->name,
			    clock_floor(row->values[time].num, HOUR_MS));
	}
}

/* An import may end with any batch, so its hours are listed when the row about
 * it is stored. */
static enum outcome
store_imported_hours(struct batch_store *s)
{
	static const char source[] = "backfill";
	const struct row_list *rows = &s->batch->rows[TABLE_coverage];
	const struct db_value *v;
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < rows->n && o == OUTCOME_DONE; i++) {
		v = rows->row[i]->values;
		if (rows->row[i]->fate == ROW_STORED &&
		    v[TABLE_COLUMN(coverage, source)].len ==
			sizeof source - 1 &&
		    memcmp(v[TABLE_COLUMN(coverage, source)].text, source,
			sizeof source - 1) == 0)
			o = due_hours_store_messages(s->db,
			    rows->row[i]->tenant->name,
			    v[TABLE_COLUMN(coverage, begin_at)].num,
			    v[TABLE_COLUMN(coverage, end_at)].num);
	}
	return o;
}

/* Must be the transaction's last write. */
static enum outcome
store_due_hours(struct batch_store *s)
{
	const struct row_batch *b = s->batch;
	enum outcome o;

	due_hours_clear(&s->due);
	add_due_hours(
	    s, &b->rows[TABLE_intervals], TABLE_COLUMN(intervals, end_at));
	add_due_hours(s, &b->rows[TABLE_message_analytics],
	    TABLE_COLUMN(message_analytics, created_at));
	add_due_hours(s, &b->rows[TABLE_channel_metrics],
	    TABLE_COLUMN(channel_metrics, hour));
	o = due_hours_store(&s->due);
	return o == OUTCOME_DONE ? store_imported_hours(s) : o;
}

static enum outcome
store_in_transaction(struct db *db, void *ctx)
{
	struct batch_store *s = ctx;
	struct strmap_entry *e;
	struct batch_tenant *t;
	enum outcome o;
	size_t i;

	arena_back(&s->batch->arena, s->mark); /* of the previous attempt */
	o = tenant_locks_take(db, s->batch, s->slot);
	if (o == OUTCOME_DONE)
		o = forgotten_rows_apply(&s->forgotten, db, s->batch);
	if (o == OUTCOME_DONE)
		o = barred_rows_decide(&s->barred, s->batch);
	if (o == OUTCOME_DONE)
		o = flush_heads_decide(&s->flush_heads, s->batch);
	if (o == OUTCOME_DONE)
		o = flush_heads_store(&s->flush_heads, s->batch);
	for (i = 0; i < TABLES && o == OUTCOME_DONE; i++)
		o = upsert(s, i);
	if (o == OUTCOME_DONE)
		o = barred_rows_store(&s->barred, s->batch);
	i = 0;
	while (o == OUTCOME_DONE &&
	       (e = strmap_next(&s->batch->tenants, &i)) != NULL) {
		t = e->value;
		o = tenant_locks_raise_newest(db, t);
		if (o == OUTCOME_DONE && t->ends)
			o = snapshot_end(db, t);
	}
	if (o == OUTCOME_DONE)
		o = store_due_hours(s);
	FAULT_POINT("sink.before_commit");
	return o;
}

enum outcome
store_batch(struct batch_store *s, struct row_batch *b, bool wait_forever)
{
	enum outcome o;

	s->batch = b;
	s->mark = arena_mark(&b->arena);
	tenant_locks_prepare(s->db, &s->tenants, b);
	o = db_transaction(s->db, store_in_transaction, s, wait_forever);
	FAULT_POINT("sink.after_commit");
	return o;
}
