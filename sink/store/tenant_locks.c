/*
 * tenant_locks: see tenant_locks.h.
 */
#include "sink/store/tenant_locks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/db/tenant_lock.h"

enum {
	NEWEST_STEP_MS = HOUR_MS, /* tenants.newest_at grows by at least this
				   * much */
};

static void
copy_id(char *to, const char *from)
{
	snprintf(to, RECORD_MAX_ID + 1, "%s", from != NULL ? from : "");
}

static void
read_stored_tenant(struct row_batch *b, struct db_rows *rows)
{
	struct text name = { db_get(rows, 0), db_get_len(rows, 0) };
	struct tenant_stored *s = &batch_tenant(b, name)->stored;

	s->known = true;
	s->as_of = db_get_time(rows, 1);
	copy_id(s->snapshot, db_get(rows, 2));
	s->removed_at = db_get_time(rows, 3);
	s->pending_as_of = db_get_time(rows, 4);
	copy_id(s->pending, db_get(rows, 5));
	s->pending_records = db_get_int(rows, 6);
	s->forgets = db_get_int(rows, 7);
	snprintf(s->forget_key, sizeof s->forget_key, "%s",
	    db_get(rows, 8) != NULL ? db_get(rows, 8) : "");
	s->newest_at = db_get_time(rows, 9);
}

/* Appends the names of the batch's tenants as an SQL list. With `unknown`, only
 * those without a row in `tenants`, each in parentheses for an INSERT. Returns
 * their number. */
static size_t
list_tenant_names(
    struct db *db, const struct row_batch *b, struct buf *sql, bool unknown)
{
	struct strmap_entry *e;
	const struct batch_tenant *t;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&b->tenants, &i)) != NULL) {
		t = e->value;
		if (unknown && t->stored.known)
			continue;
		buf_adds(sql, n++ > 0 ? ", " : "");
		buf_adds(sql, unknown ? "(" : "");
		db_quote(db, sql, db_text(t->name.p, t->name.len));
		buf_adds(sql, unknown ? ")" : "");
	}
	return n;
}

static int
compare_names(const void *a, const void *b)
{
	return text_compare(*(const struct text *)a, *(const struct text *)b);
}

/* Takes shared or exclusive locks on the batch's tenants. */
static enum outcome
lock_tenants(struct db *db, const struct row_batch *b, unsigned slot)
{
	struct text *names = xcalloc(b->tenants.live, sizeof *names);
	struct strmap_entry *e;
	const struct batch_tenant *t;
	enum outcome o;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&b->tenants, &i)) != NULL) {
		t = e->value;
		names[n++] = t->name;
	}
	qsort(names, n, sizeof *names, compare_names);
	o = b->exclusive ? tenant_lock_alone(db, names, n)
			 : tenant_lock_share(db, names, n, slot);
	free(names);
	return o;
}

static enum outcome
read_tenants(struct db *db, struct row_batch *b)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;

	buf_adds(&sql,
	    "SELECT tenant, as_of, snapshot, removed_at, pending_as_of, "
	    "pending_snapshot, pending_records, forgets, forget_key, "
	    "newest_at FROM tenants WHERE tenant IN (");
	list_tenant_names(db, b, &sql, false);
	buf_addc(&sql, ')');
	o = db_query(db, sql.data, NULL, 0, &rows);
	while (o == OUTCOME_DONE && db_next(rows))
		read_stored_tenant(b, rows);
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}

static enum outcome
lock_and_read(struct db *db, struct row_batch *b, unsigned slot)
{
	enum outcome o = lock_tenants(db, b, slot);

	return o == OUTCOME_DONE ? read_tenants(db, b) : o;
}

/* If others add the row at the same time, it is as empty as ours. */
static enum outcome
add_unknown(struct db *db, struct row_batch *b)
{
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;

	buf_adds(&sql, "INSERT INTO tenants (tenant) VALUES ");
	if (list_tenant_names(db, b, &sql, true) > 0) {
		buf_adds(&sql, " ON DUPLICATE KEY UPDATE tenant = tenant");
		o = db_exec(db, sql.data, NULL, 0, NULL);
	}
	buf_release(&sql);
	return o;
}

/* True if the batch has rows of a pending snapshot, which may complete it. */
static bool
may_complete(struct row_batch *b)
{
	const struct sink_row *row;
	bool found = false;
	size_t i, k;

	for (k = 0; k < TABLES; k++)
		for (i = 0; i < b->rows[k].n; i++) {
			row = b->rows[k].row[i];
			if (row->snapshot.p == NULL ||
			    !text_is(
				row->snapshot, row->tenant->stored.pending))
				continue;
			row->tenant->ends = true;
			found = true;
		}
	for (i = 0; i < b->refusals_n; i++) {
		struct refusal *r = &b->refusals[i];

		if (text_is(r->snapshot, r->tenant->stored.pending))
			found = r->tenant->ends = true;
	}
	return found;
}

/* True for a step, or for the first time after the tenant's removal. */
static bool
raises_newest(const struct tenant_stored *t, int64_t as_of)
{
	return t->newest_at == CLOCK_NONE ||
	       as_of >= t->newest_at + NEWEST_STEP_MS ||
	       (t->newest_at <= t->removed_at && as_of > t->removed_at);
}

/* Finds the newest row of each tenant's present state. A time in the future
 * counts as now, because newest_at never decreases. Returns true if a row
 * raises it by a step; smaller increases are ignored, because raising it needs
 * the exclusive lock. */
static bool
find_newer_times(const struct row_batch *b)
{
	const struct row_list *rows;
	struct batch_tenant *t;
	int64_t now = clock_now_ms(), as_of;
	bool found = false;
	size_t i, k;

	for (k = 0; k < TABLES; k++) {
		rows = &b->rows[k];
		for (i = 0; i < rows->n && tables[k].life == LIFE_NOW; i++) {
			t = rows->row[i]->tenant;
			as_of = rows->row[i]->as_of;
			as_of = as_of < now ? as_of : now;
			if (!raises_newest(&t->stored, as_of))
				continue;
			if (t->newest_at < as_of)
				t->newest_at = as_of;
			found = true;
		}
	}
	return found;
}

enum outcome
tenant_locks_raise_newest(struct db *db, const struct batch_tenant *t)
{
	struct db_value args[2] = { db_time(t->newest_at),
		db_text(t->name.p, t->name.len) };

	if (t->newest_at <= t->stored.newest_at)
		return OUTCOME_DONE;
	return db_exec(db, "UPDATE tenants SET newest_at = ? WHERE tenant = ?",
	    args, 2, NULL);
}

enum outcome
tenant_locks_take(struct db *db, struct row_batch *b, unsigned slot)
{
	struct strmap_entry *e;
	struct batch_tenant *t;
	enum outcome o;
	bool writes;
	size_t i = 0;

	while ((e = strmap_next(&b->tenants, &i)) != NULL) {
		t = e->value;
		memset(&t->stored, 0, sizeof t->stored);
		t->oldest_chat = INT64_MAX;
		t->stored.as_of = CLOCK_NONE;
		t->stored.removed_at = CLOCK_NONE;
		t->stored.newest_at = t->newest_at = CLOCK_NONE;
		t->ends = t->end.snapshot.p != NULL;
		t->fate = END_NONE;
	}
	o = lock_and_read(db, b, slot);
	if (o == OUTCOME_DONE)
		o = add_unknown(db, b);
	if (o != OUTCOME_DONE)
		return o;
	writes = may_complete(b);
	writes |= find_newer_times(b);
	if (!writes || b->exclusive)
		return o;
	/* Locks the other slots, too. If two transactions do that at the same
	 * time, one is rolled back, and takes all locks from the start in its
	 * next attempt. */
	b->exclusive = true;
	return lock_and_read(db, b, slot);
}
