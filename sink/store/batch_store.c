/* batch_store: the transaction of a batch; see batch_store.h for its steps. */
#include "sink/store/batch_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/store/snapshot_end.h"
#include "sink/tables/upsert_sql.h"

enum {
	LIST = 500,               /* names in one IN list of a query */
	NEWEST_STEP_MS = HOUR_MS, /* tenants.newest_at grows by it, or more */
};

static const char TOMB_REASON[] = "its chat was deleted later than that";

void
batch_store_init(
    struct batch_store *s, struct db *db, int64_t keep_ms, bool all)
{
	struct upsert_sql sql;
	size_t i;

	memset(s, 0, sizeof *s);
	s->db = db;
	s->keep_ms = keep_ms;
	s->all = all;
	for (i = 0; i < TABLES; i++) {
		upsert_sql_init(&sql, &tables[i]);
		s->upsert[i] = db_bulk_new(
		    db, sql.head, sql.row, sql.tail, tables[i].columns_n);
		upsert_sql_release(&sql);
	}
	s->refuse = db_bulk_new(db,
	    "INSERT INTO refused_rows (tenant, snapshot, table_name, row_key, "
	    "chat, reason, as_of) VALUES ",
	    "(?, ?, ?, ?, ?, ?, ?)",
	    " ON DUPLICATE KEY UPDATE reason = VALUES(reason)", 7);
	batch_rollup_init(&s->rollup, db);
}

void
batch_store_release(struct batch_store *s)
{
	size_t i;

	for (i = 0; i < TABLES; i++)
		db_bulk_free(s->upsert[i]);
	db_bulk_free(s->refuse);
	forgotten_rows_release(&s->forgotten);
	message_versions_release(&s->versions);
	batch_rollup_release(&s->rollup);
	free(s->sent);
}

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
	s->edited_at = db_get_time(rows, 10);
}

/* Appends the names of the batch's tenants as an SQL list. With `unknown`, only
 * those without a row in `tenants`, each in parentheses for an INSERT. Returns
 * how many. */
static size_t
list_tenant_names(struct batch_store *s, struct buf *sql, bool unknown)
{
	struct strmap_entry *e;
	const struct batch_tenant *t;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&s->batch->tenants, &i)) != NULL) {
		t = e->value;
		if (unknown && t->stored.known)
			continue;
		buf_adds(sql, n++ > 0 ? ", " : "");
		buf_adds(sql, unknown ? "(" : "");
		db_quote(s->db, sql, db_text(t->name.p, t->name.len));
		buf_adds(sql, unknown ? ")" : "");
	}
	return n;
}

static enum outcome
lock_known(struct batch_store *s)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;

	buf_adds(&sql,
	    "SELECT tenant, as_of, snapshot, removed_at, pending_as_of, "
	    "pending_snapshot, pending_records, forgets, forget_key, "
	    "newest_at, edited_at FROM tenants WHERE tenant IN (");
	list_tenant_names(s, &sql, false);
	buf_addf(&sql, ") ORDER BY tenant %s",
	    s->batch->exclusive ? "FOR UPDATE" : "LOCK IN SHARE MODE");
	o = db_query(s->db, sql.data, NULL, 0, &rows);
	while (o == OUTCOME_DONE && db_next(rows))
		read_stored_tenant(s->batch, rows);
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}

static enum outcome
add_unknown(struct batch_store *s)
{
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;

	buf_adds(&sql, "INSERT INTO tenants (tenant) VALUES ");
	if (list_tenant_names(s, &sql, true) > 0) {
		buf_adds(&sql, " ON DUPLICATE KEY UPDATE tenant = tenant");
		o = db_exec(s->db, sql.data, NULL, 0, NULL);
		if (o == OUTCOME_DONE)
			o = lock_known(s);
	}
	buf_release(&sql);
	return o;
}

/* Whether the batch has rows of a pending snapshot, which may complete it. */
static bool
may_complete(struct batch_store *s)
{
	const struct sink_row *row;
	bool found = false;
	size_t i, k;

	for (k = 0; k < TABLES; k++)
		for (i = 0; i < s->batch->rows[k].n; i++) {
			row = s->batch->rows[k].row[i];
			if (row->snapshot.p == NULL ||
			    !text_is(
				row->snapshot, row->tenant->stored.pending))
				continue;
			row->tenant->ends = true;
			found = true;
		}
	for (i = 0; i < s->batch->refusals_n; i++) {
		struct refusal *r = &s->batch->refusals[i];

		if (text_is(r->snapshot, r->tenant->stored.pending))
			found = r->tenant->ends = true;
	}
	return found;
}

/* Finds the newest row about each tenant. One with a time that is still to come
 * counts as of now: newest_at never falls again. Returns whether one raises it
 * by a step; by less it stays, since raising it takes the exclusive lock. */
static bool
find_newer_times(struct batch_store *s)
{
	static const size_t about[] = { TABLE_tenant_metrics,
		TABLE_tenant_metrics_parts };
	const struct row_list *rows;
	struct batch_tenant *t;
	int64_t now = clock_now_ms(), as_of;
	bool found = false;
	size_t i, k;

	for (k = 0; k < ARRAY_LEN(about); k++) {
		rows = &s->batch->rows[about[k]];
		for (i = 0; i < rows->n; i++) {
			t = rows->row[i]->tenant;
			as_of = rows->row[i]->as_of;
			as_of = as_of < now ? as_of : now;
			if (t->stored.newest_at != CLOCK_NONE &&
			    as_of < t->stored.newest_at + NEWEST_STEP_MS)
				continue;
			if (t->newest_at < as_of)
				t->newest_at = as_of;
			found = true;
		}
	}
	return found;
}

static enum outcome
raise_newest_time(struct batch_store *s, const struct batch_tenant *t)
{
	struct db_value args[2] = { db_time(t->newest_at),
		db_text(t->name.p, t->name.len) };

	if (t->newest_at <= t->stored.newest_at)
		return OUTCOME_DONE;
	return db_exec(s->db,
	    "UPDATE tenants SET newest_at = ? WHERE tenant = ?", args, 2, NULL);
}

static enum outcome
lock_batch_tenants(struct batch_store *s)
{
	struct strmap_entry *e;
	struct batch_tenant *t;
	enum outcome o;
	bool writes;
	size_t i = 0;

	while ((e = strmap_next(&s->batch->tenants, &i)) != NULL) {
		t = e->value;
		memset(&t->stored, 0, sizeof t->stored);
		t->oldest_chat = INT64_MAX;
		t->stored.as_of = CLOCK_NONE;
		t->stored.removed_at = CLOCK_NONE;
		t->stored.newest_at = t->newest_at = CLOCK_NONE;
		t->stored.edited_at = t->edited_at = CLOCK_NONE;
		t->ends = t->end.snapshot.p != NULL;
		t->fate = END_NONE;
	}
	o = lock_known(s);
	if (o == OUTCOME_DONE)
		o = add_unknown(s);
	if (o != OUTCOME_DONE)
		return o;
	writes = may_complete(s);
	writes |= find_newer_times(s);
	writes |= message_versions_find_edits(s->batch);
	if (!writes || s->batch->exclusive)
		return o;
	/* Upgrades the shared lock. If two transactions do that at once, one is
	 * rolled back, and takes the exclusive lock at once in its next try. */
	s->batch->exclusive = true;
	return lock_known(s);
}

/* Marks the rows of the tenant whose chat has a tombstone at least as new as
 * they are. answer: the tombstones as (chat, as_of). */
static void
mark_deleted_chats(
    struct row_list *chats, struct batch_tenant *t, struct db_rows *answer)
{
	struct strmap tombs = STRMAP_INIT;
	struct sink_row *row;
	const struct db_value *chat;
	int64_t *as_of = xcalloc(db_rows_count(answer), sizeof *as_of);
	size_t i, n = 0;

	for (; db_next(answer); n++) {
		as_of[n] = db_get_time(answer, 1);
		*strmap_put(&tombs, db_get(answer, 0), db_get_len(answer, 0)) =
		    &as_of[n];
	}
	for (i = 0; i < chats->n; i++) {
		const int64_t *tomb;

		row = chats->row[i];
		if (row->tenant != t)
			continue;
		chat = &row->values[row->table->chat];
		tomb = strmap_get(&tombs, chat->text, chat->len);
		if (tomb != NULL && *tomb >= row->as_of &&
		    row->fate == ROW_STORED)
			row->fate = ROW_TOMB;
	}
	strmap_release(&tombs, NULL);
	free(as_of);
}

/* Reads the tombstones of up to LIST of the tenant's chats from *i on. */
static enum outcome
find_tombstones(struct batch_store *s, struct row_list *chats,
    struct batch_tenant *t, size_t *i)
{
	struct db_value name = db_text(t->name.p, t->name.len);
	struct buf sql = BUF_INIT;
	struct db_rows *answer;
	const struct sink_row *row;
	enum outcome o;
	size_t n = 0;

	buf_adds(&sql, "SELECT chat, as_of FROM closed_chats WHERE tenant = ");
	db_quote(s->db, &sql, name);
	buf_adds(&sql, " AND chat IN (");
	for (; *i < chats->n && n < LIST; ++*i) {
		row = chats->row[*i];
		if (row->tenant != t)
			continue;
		buf_adds(&sql, n++ > 0 ? ", " : "");
		db_quote(s->db, &sql, row->values[row->table->chat]);
	}
	buf_addc(&sql, ')');
	o = n > 0 ? db_query(s->db, sql.data, NULL, 0, &answer) : OUTCOME_DONE;
	if (n > 0 && o == OUTCOME_DONE) {
		mark_deleted_chats(chats, t, answer);
		db_rows_free(answer);
	}
	buf_release(&sql);
	return o;
}

/* Tombstones newer than the oldest row are rare (replays, and chats closed this
 * minute): one index lookup finds out. */
static enum outcome
has_newer_tombstone(
    struct batch_store *s, const struct batch_tenant *t, bool *has)
{
	struct db_value args[2] = { db_text(t->name.p, t->name.len),
		db_time(t->oldest_chat) };
	struct db_rows *answer;
	enum outcome o;

	o = db_query(s->db,
	    "SELECT 1 FROM closed_chats WHERE tenant = ? AND as_of >= ? "
	    "LIMIT 1",
	    args, 2, &answer);
	*has = o == OUTCOME_DONE && db_rows_count(answer) > 0;
	db_rows_free(answer);
	return o;
}

static enum outcome
apply_tombstones(struct batch_store *s, struct row_list *chats)
{
	struct strmap_entry *e;
	struct batch_tenant *t;
	enum outcome o = OUTCOME_DONE;
	size_t i = 0, from;
	bool has;

	while (o == OUTCOME_DONE &&
	       (e = strmap_next(&s->batch->tenants, &i)) != NULL) {
		t = e->value;
		if (t->oldest_chat == INT64_MAX)
			continue;
		o = has_newer_tombstone(s, t, &has);
		for (from = 0; o == OUTCOME_DONE && has && from < chats->n;)
			o = find_tombstones(s, chats, t, &from);
	}
	return o;
}

/* Whether tombstones refuse rows of that table. */
static bool
has_tombstones(const struct batch_store *s, const struct table *t)
{
	return t->chat >= 0 && (t->life != LIFE_HISTORY || s->all);
}

/* Whether the tombstone of the row's chat may be gone by the newest snapshot
 * or, as a stream has none, by the newest row about the tenant. History is not
 * refused by its age: the messages of an open chat may be older than that. */
static bool
is_aged(const struct batch_store *s, const struct sink_row *row)
{
	const struct tenant_stored *t = &row->tenant->stored;

	if (row->table->life == LIFE_HISTORY)
		return false;
	if (t->as_of != CLOCK_NONE && row->as_of < t->as_of - s->keep_ms)
		return true;
	return row->table->chat >= 0 && t->newest_at != CLOCK_NONE &&
	       row->as_of < t->newest_at - s->keep_ms;
}

/* The fate of a row as far as its tenant decides it. */
static enum row_fate
decide_fate(const struct batch_store *s, const struct sink_row *row)
{
	const struct tenant_stored *t = &row->tenant->stored;

	if (t->removed_at != CLOCK_NONE && row->as_of <= t->removed_at)
		return ROW_REMOVED;
	if (t->as_of != CLOCK_NONE && row->snapshot.p != NULL &&
	    row->as_of < t->as_of)
		return ROW_OLDER;
	return is_aged(s, row) ? ROW_AGED : ROW_STORED;
}

static enum outcome
decide_fates(struct batch_store *s)
{
	enum outcome o = OUTCOME_DONE;
	struct row_list *rows;
	struct sink_row *row;
	bool tombs;
	size_t i, k;

	for (k = 0; k < TABLES; k++) {
		rows = &s->batch->rows[k];
		tombs = has_tombstones(s, &tables[k]);
		for (i = 0; i < rows->n; i++) {
			row = rows->row[i];
			row->fate = decide_fate(s, row);
			if (tombs && row->as_of < row->tenant->oldest_chat)
				row->tenant->oldest_chat = row->as_of;
		}
	}
	for (k = 0; k < TABLES && o == OUTCOME_DONE; k++)
		if (has_tombstones(s, &tables[k]) && s->batch->rows[k].n > 0)
			o = apply_tombstones(s, &s->batch->rows[k]);
	return o;
}

/* Stores the rows [first, first + n) of the bulk. When the database refuses one
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
		if (rows->row[i]->fate == ROW_STORED) {
			s->sent[n++] = rows->row[i];
			db_bulk_add(bulk, rows->row[i]->values);
		}
	return n > 0 ? run_halves(s, bulk, 0, n) : OUTCOME_DONE;
}

/* The text cut to max bytes, between two characters. */
static struct db_value
short_text(const char *p, size_t max)
{
	size_t i, whole = 0;

	for (i = 0; p[i] != '\0'; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80)
			whole = i;
		if (i == max)
			return db_text(p, whole);
	}
	return db_text(p, i);
}

static void
add_refusal(struct batch_store *s, const struct refusal *r)
{
	struct db_value values[7] = { db_text(r->tenant->name.p,
					  r->tenant->name.len),
		db_text(r->snapshot.p, r->snapshot.len),
		db_text(r->table.p, r->table.len),
		batch_refusal_key(s->batch, r), db_text(r->chat.p, r->chat.len),
		short_text(r->reason, 255), db_time(r->as_of) };

	db_bulk_add(s->refuse, values);
}

/* Adds the well-formed rows that are not stored. */
static void
add_refused_rows(struct batch_store *s, const struct row_list *rows)
{
	struct buf key = BUF_INIT;
	struct refusal r;
	const struct sink_row *row;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		row = rows->row[i];
		if (row->snapshot.p == NULL ||
		    (row->fate != ROW_BAD && row->fate != ROW_TOMB))
			continue;
		memset(&r, 0, sizeof r);
		row_key(row, &key);
		r.tenant = row->tenant;
		r.snapshot = row->snapshot;
		r.table.p = row->table->name;
		r.table.len = strlen(r.table.p);
		r.key.p = arena_copy(&s->batch->arena, buf_str(&key), key.len);
		r.key.len = key.len;
		if (row->table->chat >= 0) {
			r.chat.p = row->values[row->table->chat].text;
			r.chat.len = row->values[row->table->chat].len;
		}
		r.reason = row->fate == ROW_BAD ? row->reason : TOMB_REASON;
		r.as_of = row->as_of;
		add_refusal(s, &r);
	}
	buf_release(&key);
}

/* Whether the refusal's snapshot is complete or gone, so that its rows are not
 * counted any more. */
static bool
is_past(const struct refusal *r)
{
	return r->as_of < r->tenant->stored.as_of ||
	       r->as_of <= r->tenant->stored.removed_at;
}

static enum outcome
store_refusals(struct batch_store *s)
{
	struct row_batch *b = s->batch;
	size_t i;

	db_bulk_clear(s->refuse);
	for (i = 0; i < b->refusals_n; i++)
		if (!is_past(&b->refusals[i]))
			add_refusal(s, &b->refusals[i]);
	for (i = 0; i < TABLES; i++)
		add_refused_rows(s, &b->rows[i]);
	if (db_bulk_rows(s->refuse) == 0)
		return OUTCOME_DONE;
	return db_bulk_run(s->refuse, 0, db_bulk_rows(s->refuse));
}

static enum outcome
store_in_transaction(struct db *db, void *ctx)
{
	struct batch_store *s = ctx;
	struct strmap_entry *e;
	struct batch_tenant *t;
	enum outcome o;
	size_t i;

	arena_back(&s->batch->arena, s->mark); /* of the try before */
	o = lock_batch_tenants(s);
	if (o == OUTCOME_DONE)
		o = forgotten_rows_apply(&s->forgotten, db, s->batch);
	if (o == OUTCOME_DONE)
		o = decide_fates(s);
	if (o == OUTCOME_DONE)
		o = message_versions_find(&s->versions, db, s->batch);
	for (i = 0; i < TABLES && o == OUTCOME_DONE; i++)
		if (i != TABLE_message_analytics)
			o = upsert(s, i);
	if (o == OUTCOME_DONE)
		o = message_versions_replace(&s->versions, db, s->batch);
	if (o == OUTCOME_DONE)
		o = batch_rollup_before(&s->rollup, s->batch);
	if (o == OUTCOME_DONE)
		o = upsert(s, TABLE_message_analytics);
	if (o == OUTCOME_DONE)
		o = store_refusals(s);
	i = 0;
	while (o == OUTCOME_DONE &&
	       (e = strmap_next(&s->batch->tenants, &i)) != NULL) {
		t = e->value;
		o = raise_newest_time(s, t);
		if (o == OUTCOME_DONE && t->ends)
			o = snapshot_end(db, t);
	}
	return o == OUTCOME_DONE ? batch_rollup_after(&s->rollup, s->batch) : o;
}

enum outcome
store_batch(struct batch_store *s, struct row_batch *b, bool wait_forever)
{
	s->batch = b;
	s->mark = arena_mark(&b->arena);
	return db_transaction(s->db, store_in_transaction, s, wait_forever);
}
