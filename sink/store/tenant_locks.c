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

/* Of more tenants, everything is read again. */
#define KNOWN_TENANTS 100000

/* What is known of a tenant: its row exists, or has newest_at, too. */
enum { UNKNOWN, ROW_EXISTS, ROW_COMPLETE };

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
	s->tombstone_at = db_get_time(rows, 10);
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
	    "SELECT t.tenant, t.as_of, t.snapshot, t.removed_at, "
	    "t.pending_as_of, t.pending_snapshot, t.pending_records, "
	    "t.forgets, t.forget_key, t.newest_at, "
	    "(SELECT c.as_of FROM closed_chats c WHERE c.tenant = t.tenant "
	    "ORDER BY c.as_of DESC LIMIT 1) "
	    "FROM tenants t WHERE t.tenant IN (");
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

/* After tenant_locks_prepare() there are none, unless it failed. If others add
 * the row at the same time, it is as empty as ours. */
static enum outcome
add_unknown(struct db *db, struct row_batch *b)
{
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;

	buf_adds(&sql, "INSERT INTO tenants (tenant) VALUES ");
	if (list_tenant_names(db, b, &sql, true) > 0) {
		buf_adds(&sql, " ON DUPLICATE KEY UPDATE tenant = tenant");
		o = db_exec(db, sql.data, NULL, 0, NULL);
		if (o == OUTCOME_DONE)
			o = read_tenants(db, b);
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

/* Finds the oldest time among the rows of each tenant's current state. */
static void
find_oldest_times(const struct row_batch *b)
{
	int64_t now = clock_now_ms(), as_of;
	const struct row_list *rows;
	struct strmap_entry *e;
	struct batch_tenant *t;
	size_t i = 0, k;

	while ((e = strmap_next(&b->tenants, &i)) != NULL) {
		t = e->value;
		t->newest_at = CLOCK_NONE;
	}
	for (k = 0; k < TABLES; k++) {
		rows = &b->rows[k];
		for (i = 0; i < rows->n && tables[k].life == LIFE_NOW; i++) {
			t = rows->row[i]->tenant;
			as_of = rows->row[i]->as_of;
			as_of = as_of < now ? as_of : now;
			if (t->newest_at == CLOCK_NONE || as_of < t->newest_at)
				t->newest_at = as_of;
		}
	}
}

static int
compare_tenants(const void *a, const void *b)
{
	const struct batch_tenant *x = *(struct batch_tenant *const *)a;
	const struct batch_tenant *y = *(struct batch_tenant *const *)b;

	return text_compare(x->name, y->name);
}

static bool
all_are_complete(const struct strmap *known, const struct row_batch *b)
{
	const struct strmap_entry *e;
	const struct batch_tenant *t;
	size_t i = 0;

	while ((e = strmap_next(&b->tenants, &i)) != NULL) {
		t = e->value;
		if ((uintptr_t)strmap_get(known, t->name.p, t->name.len) !=
		    ROW_COMPLETE)
			return false;
	}
	return true;
}

/* Returns the tenants whose rows may lack something, sorted by name, in an
 * array that the caller frees. */
static struct batch_tenant **
list_doubtful(const struct strmap *known, const struct row_batch *b, size_t *n)
{
	struct batch_tenant **list = NULL, *t;
	struct strmap_entry *e;
	size_t i = 0, cap = 0;
	uintptr_t is;

	*n = 0;
	while ((e = strmap_next(&b->tenants, &i)) != NULL) {
		t = e->value;
		is = (uintptr_t)strmap_get(known, t->name.p, t->name.len);
		if (is == ROW_COMPLETE ||
		    (is == ROW_EXISTS && t->newest_at == CLOCK_NONE))
			continue;
		XGROW(list, *n, cap);
		list[(*n)++] = t;
	}
	if (*n > 1)
		qsort(list, *n, sizeof(struct batch_tenant *), compare_tenants);
	return list;
}

/* Without locks, so rows that exist are not waited for. */
static enum outcome
read_existing(
    struct db *db, struct strmap *known, struct batch_tenant **list, size_t n)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;
	size_t i;

	buf_adds(&sql, "SELECT tenant, newest_at IS NOT NULL FROM tenants "
		       "WHERE tenant IN (");
	for (i = 0; i < n; i++) {
		buf_adds(&sql, i > 0 ? ", " : "");
		db_quote(db, &sql, db_text(list[i]->name.p, list[i]->name.len));
	}
	buf_addc(&sql, ')');
	o = db_query(db, sql.data, NULL, 0, &rows);
	while (o == OUTCOME_DONE && db_next(rows))
		*strmap_put(known, db_get(rows, 0), db_get_len(rows, 0)) =
		    (void *)(uintptr_t)(db_get_int(rows, 1) == 1 ? ROW_COMPLETE
								 : ROW_EXISTS);
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}

static enum outcome
add_rows(struct db *db, struct batch_tenant **list, size_t n)
{
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t i;

	buf_adds(&sql, "INSERT INTO tenants (tenant, newest_at) VALUES ");
	for (i = 0; i < n; i++) {
		buf_adds(&sql, i > 0 ? ", (" : "(");
		db_quote(db, &sql, db_text(list[i]->name.p, list[i]->name.len));
		buf_adds(&sql, ", ");
		db_quote(db, &sql, db_time(list[i]->newest_at));
		buf_addc(&sql, ')');
	}
	buf_adds(&sql, " ON DUPLICATE KEY UPDATE newest_at = "
		       "COALESCE(newest_at, VALUES(newest_at))");
	o = db_exec(db, sql.data, NULL, 0, NULL);
	buf_release(&sql);
	return o;
}

void
tenant_locks_prepare(
    struct db *db, struct strmap *known, const struct row_batch *b)
{
	struct batch_tenant **list;
	enum outcome o;
	size_t n, i;

	if (known->n > KNOWN_TENANTS)
		strmap_release(known, NULL);
	if (all_are_complete(known, b))
		return;
	find_oldest_times(b);
	list = list_doubtful(known, b, &n);
	o = n > 0 && db_connected(db) ? read_existing(db, known, list, n)
				      : OUTCOME_LATER;
	free(list);
	if (o != OUTCOME_DONE)
		return;
	list = list_doubtful(known, b, &n);
	if (n > 0 && add_rows(db, list, n) == OUTCOME_DONE)
		for (i = 0; i < n; i++)
			*strmap_put(known, list[i]->name.p, list[i]->name.len) =
			    (void *)(uintptr_t)(list[i]->newest_at == CLOCK_NONE
						    ? ROW_EXISTS
						    : ROW_COMPLETE);
	free(list);
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
		t->stored.tombstone_at = CLOCK_NONE;
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
