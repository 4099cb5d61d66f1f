/*
 * rows: see rows.h.
 */
#include "reaper/rows/rows.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/db/tenant_lock.h"
#include "common/json/jsonw.h"
#include "common/os/stop.h"

#define BATCH 2000
#define BATCH_TEXT "2000"

bool
rows_end(const struct table *t)
{
	return t->life != LIFE_EVER && t->life != LIFE_NONE;
}

bool
rows_end_on_close(const struct table *t, bool all)
{
	if (t->chat == 0)
		return false;
	return t->life == LIFE_NOW || (all && t->life == LIFE_HISTORY);
}

enum outcome
tenant_row_lock(struct db *db, const char *tenant)
{
	const struct text name = text_from(tenant);

	return tenant_lock_alone(db, &name, 1);
}

static int64_t
estimate_crm_now(int64_t as_of, int64_t stored_at)
{
	int64_t now = clock_now_ms();

	if (as_of == CLOCK_NONE)
		return now;
	if (stored_at != CLOCK_NONE && as_of > stored_at)
		now += as_of - stored_at;
	return as_of > now ? as_of : now;
}

enum outcome
tenant_row_read(struct db *db, const char *tenant, struct tenant_row *row)
{
	struct db_value name = db_str(tenant);
	struct db_rows *found;
	enum outcome o = db_query(db,
	    "SELECT as_of, stored_at, IFNULL(forget_key, '') FROM tenants "
	    "WHERE tenant = ?",
	    &name, 1, &found);

	*row = (struct tenant_row){ .known = false };
	if (o != OUTCOME_DONE)
		return o;
	row->known = db_next(found);
	if (row->known) {
		row->crm_now = estimate_crm_now(
		    db_get_time(found, 0), db_get_time(found, 1));
		snprintf(row->forget_key, sizeof row->forget_key, "%s",
		    db_get(found, 2));
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}

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

static void
write_column(
    struct buf *b, const struct column *c, const struct db_rows *r, size_t i)
{
	const char *text = db_get(r, i);

	if (text == NULL) {
		jsonw_null(b, c->name);
		return;
	}
	switch (c->kind) {
	case COLUMN_ID:
	case COLUMN_PLACE:
	case COLUMN_TEXT:
	case COLUMN_STATUS:
	case COLUMN_JSON:
		jsonw_strn(b, c->name, text, db_get_len(r, i));
		break;
	case COLUMN_TIME:
	case COLUMN_HOUR:
		jsonw_time(b, c->name, db_get_time(r, i));
		break;
	case COLUMN_BOOL:
		jsonw_bool(b, c->name, db_get_int(r, i) != 0);
		break;
	case COLUMN_BYTES:
		break;
	case COLUMN_SECONDS:
	case COLUMN_COUNT:
	case COLUMN_LENGTH:
	case COLUMN_REAL:
	case COLUMN_VERSION:
		jsonw_raw(b, c->name, text, db_get_len(r, i));
		break;
	}
}

enum outcome
row_export_append(struct db *db, const struct table *t, const char *condition,
    struct buf *lines)
{
	struct buf sql = BUF_INIT;
	const struct table_extra *x;
	struct db_rows *found;
	enum outcome o;
	size_t i, k;

	buf_adds(&sql, "SELECT ");
	for (i = 0; i < t->columns_n; i++)
		buf_addf(&sql, "%s`%s`", i > 0 ? ", " : "", t->columns[i].name);
	for (x = t->extras; x->column.name != NULL; x++)
		if (x->expression != NULL)
			buf_addf(&sql, ", `%s`", x->column.name);
	buf_addf(&sql, " FROM %s WHERE %s", t->name, condition);
	o = db_query(db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(found)) {
		jsonw_open(lines);
		jsonw_str(lines, "type", "row");
		jsonw_str(lines, "table", t->name);
		for (i = 0; i < t->columns_n; i++)
			write_column(lines, &t->columns[i], found, i);
		k = i;
		for (x = t->extras; x->column.name != NULL; x++)
			if (x->expression != NULL)
				write_column(lines, &x->column, found, k++);
		jsonw_line(lines);
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}
