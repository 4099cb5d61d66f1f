/*
 * forgetting: see forgetting.h. No lock of the tenant is needed: once the entry
 * in `forgotten` is committed, sinks bring no row back.
 */
#include "reaper/rights/forgetting.h"

#include <string.h>

#include "common/base/fault.h"

struct forgetting {
	struct subject *subject;
	const struct personal_table *personal;
	struct day_slice slice;
	bool dry_run;
	uint64_t affected; /* by the current slice */
	uint64_t rows;     /* by those before */
};

static enum outcome
count_slice(struct forgetting *f)
{
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	enum outcome o;

	buf_addf(&sql, "SELECT COUNT(*) FROM %s WHERE ", f->slice.table->name);
	personal_write_rows(&sql, f->personal->where, f->subject, &f->slice);
	o = db_query(f->subject->db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	f->affected = db_next(found) ? (uint64_t)db_get_int(found, 0) : 0;
	db_rows_free(found);
	return OUTCOME_DONE;
}

/* "UPDATE t SET ... WHERE ..." or "DELETE FROM t WHERE ...". */
static enum outcome
run_change(struct forgetting *f, const char *verb, const char *change,
    uint64_t *affected)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql, "%s %s", verb, f->slice.table->name);
	if (change[0] != '\0') {
		buf_adds(&sql, " SET ");
		personal_write(&sql, change, f->subject);
	}
	buf_adds(&sql, " WHERE ");
	personal_write_rows(&sql, f->personal->where, f->subject, &f->slice);
	o = db_exec(f->subject->db, buf_str(&sql), NULL, 0, affected);
	buf_release(&sql);
	return o;
}

/* Deletes rows under the alias that are older than the customer's own of the
 * same key: those of a time when the customer was forgotten before. */
static enum outcome
delete_older_twins(struct forgetting *f)
{
	const struct table *t = f->slice.table;
	const char *user = f->personal->user;
	struct subject *s = f->subject;
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t i;

	buf_addf(&sql, "DELETE a FROM %s a JOIN %s c ON c.tenant = a.tenant",
	    t->name, t->name);
	for (i = 1; i < t->keys; i++)
		if (strcmp(t->columns[i].name, user) != 0)
			buf_addf(&sql, " AND c.`%s` = a.`%s`",
			    t->columns[i].name, t->columns[i].name);
	buf_adds(&sql, " WHERE a.tenant = ");
	db_quote(s->db, &sql, db_str(s->tenant));
	buf_addf(&sql, " AND a.`%s` = ", user);
	db_quote(s->db, &sql, db_str(s->alias));
	buf_addf(&sql, " AND c.`%s` = ", user);
	personal_write(&sql, "$USER AND a.version < c.version", s);
	day_slice_write(s->db, &f->slice, "a.", &sql);
	o = db_exec(s->db, buf_str(&sql), NULL, 0, NULL);
	buf_release(&sql);
	return o;
}

/* The alias goes into the key. A row that keeps the id then has a newer one
 * under the alias, or an equal one. */
static enum outcome
change_key(struct forgetting *f)
{
	enum outcome o = OUTCOME_DONE;
	uint64_t left = 0;

	if (f->slice.table->versions)
		o = delete_older_twins(f);
	if (o == OUTCOME_DONE)
		o = run_change(
		    f, "UPDATE IGNORE", f->personal->change, &f->affected);
	if (o == OUTCOME_DONE)
		o = run_change(f, "DELETE FROM", "", &left);
	f->affected += left;
	return o;
}

static enum outcome
forget_slice(struct db *db, void *ctx)
{
	struct forgetting *f = ctx;
	const struct personal_table *p = f->personal;
	enum outcome o = db_connect(db);

	f->affected = 0;
	if (o != OUTCOME_DONE)
		return o;
	if (f->dry_run)
		o = count_slice(f);
	else if (p->user != NULL)
		o = change_key(f);
	else
		o = run_change(f,
		    p->change[0] != '\0' ? "UPDATE" : "DELETE FROM", p->change,
		    &f->affected);
	/* Commit point: db_transaction() commits when this returns DONE. */
	return o;
}

/* After the commit. */
static void
add_slice(void *ctx)
{
	struct forgetting *f = ctx;

	FAULT_POINT("reaper.rows_forgotten");
	f->rows += f->affected;
}

enum outcome
forgetting_run(struct subject *s, const struct personal_table *p, bool dry_run,
    uint64_t *rows)
{
	struct forgetting f = {
		.subject = s, .personal = p, .dry_run = dry_run
	};
	enum outcome o;

	*rows = 0;
	if (p->change == NULL)
		return OUTCOME_DONE;
	f.slice.tenant = s->tenant;
	f.slice.table = &tables[p->table];
	o = day_slices_each(s->db, &f.slice, forget_slice, add_slice, &f);
	*rows = f.rows;
	return o;
}
