/*
 * row_deletion: see row_deletion.h.
 */
#include "reaper/rows/row_deletion.h"

#include "common/base/fault.h"
#include "common/os/stop.h"
#include "reaper/rows/tenant_row.h"

#define BATCH 2000
#define BATCH_TEXT "2000"

/* A statement that is a transaction of its own. */
struct row_statement {
	struct buf sql;
	const struct row_condition *condition;
	uint64_t number; /* the result, or the rows that were affected */
};

static enum outcome
ask_number(struct db *db, void *ctx)
{
	struct row_statement *s = ctx;

	return db_query_count(db, buf_str(&s->sql), s->condition->values,
	    s->condition->n, &s->number);
}

static enum outcome
delete_batch(struct db *db, void *ctx)
{
	struct row_statement *s = ctx;
	const struct row_condition *c = s->condition;
	enum outcome o = OUTCOME_DONE;

	if (c->alone != NULL)
		o = tenant_row_lock(db, c->alone);
	return o == OUTCOME_DONE
		   ? db_exec(db, buf_str(&s->sql), c->values, c->n, &s->number)
		   : o;
}

enum outcome
row_find(struct db *db, const struct table *t, const struct row_condition *c,
    bool *found)
{
	struct row_statement s = { .condition = c };
	enum outcome o;

	buf_addf(&s.sql, "SELECT 1 FROM %s WHERE %s LIMIT 1", t->name,
	    buf_str(&c->sql));
	o = db_transaction(db, ask_number, &s, false);
	*found = s.number > 0;
	buf_release(&s.sql);
	return o;
}

static enum outcome
count_rows(struct db *db, struct row_statement *s, const struct table *t,
    uint64_t *rows)
{
	enum outcome o;

	buf_addf(&s->sql, "SELECT COUNT(*) FROM %s WHERE %s", t->name,
	    buf_str(&s->condition->sql));
	o = db_transaction(db, ask_number, s, false);
	if (o == OUTCOME_DONE)
		*rows += s->number;
	return o;
}

static enum outcome
delete_rows(struct db *db, struct row_statement *s, const struct table *t,
    uint64_t *rows)
{
	enum outcome o;

	buf_addf(&s->sql, "DELETE FROM %s WHERE %s LIMIT " BATCH_TEXT, t->name,
	    buf_str(&s->condition->sql));
	for (;;) {
		o = db_transaction(db, delete_batch, s, false);
		FAULT_POINT("reaper.rows_deleted");
		if (o != OUTCOME_DONE)
			return o;
		*rows += s->number;
		if (s->number < BATCH)
			return OUTCOME_DONE;
		if (stop_asked())
			return OUTCOME_LATER;
	}
}

enum outcome
row_delete(struct db *db, const struct table *t, const struct row_condition *c,
    bool dry_run, uint64_t *rows)
{
	struct row_statement s = { .condition = c };
	enum outcome o = dry_run ? count_rows(db, &s, t, rows)
				 : delete_rows(db, &s, t, rows);

	buf_release(&s.sql);
	return o;
}
