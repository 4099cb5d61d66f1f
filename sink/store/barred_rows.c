/*
 * barred_rows: see barred_rows.h.
 */
#include "sink/store/barred_rows.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"

enum {
	LIST = 500, /* names in one IN list of a query */
	COLUMNS = 4,
};

void
barred_rows_init(
    struct barred_rows *r, struct db *db, int64_t keep_ms, bool all)
{
	r->db = db;
	r->keep_ms = keep_ms;
	r->all = all;
	r->bulk = db_bulk_new(db,
	    "INSERT INTO refused_rows (tenant, snapshot, line, as_of) VALUES ",
	    "(?, ?, ?, ?)", " ON DUPLICATE KEY UPDATE tenant = tenant",
	    COLUMNS);
}

void
barred_rows_release(struct barred_rows *r)
{
	db_bulk_free(r->bulk);
}

/* Marks the tenant's rows whose chat has a tombstone at least as new as they
 * are. answer: the tombstones as (chat, as_of). */
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
find_tombstones(
    struct db *db, struct row_list *chats, struct batch_tenant *t, size_t *i)
{
	struct db_value name = db_text(t->name.p, t->name.len);
	struct buf sql = BUF_INIT;
	struct db_rows *answer;
	const struct sink_row *row;
	enum outcome o;
	size_t n = 0;

	buf_adds(&sql, "SELECT chat, as_of FROM closed_chats WHERE tenant = ");
	db_quote(db, &sql, name);
	buf_adds(&sql, " AND chat IN (");
	for (; *i < chats->n && n < LIST; ++*i) {
		row = chats->row[*i];
		if (row->tenant != t)
			continue;
		buf_adds(&sql, n++ > 0 ? ", " : "");
		db_quote(db, &sql, row->values[row->table->chat]);
	}
	buf_addc(&sql, ')');
	o = n > 0 ? db_query(db, sql.data, NULL, 0, &answer) : OUTCOME_DONE;
	if (n > 0 && o == OUTCOME_DONE) {
		mark_deleted_chats(chats, t, answer);
		db_rows_free(answer);
	}
	buf_release(&sql);
	return o;
}

static enum outcome
apply_tombstones(struct db *db, struct row_batch *b, struct row_list *chats)
{
	struct strmap_entry *e;
	struct batch_tenant *t;
	enum outcome o = OUTCOME_DONE;
	size_t i = 0, from;

	while (
	    o == OUTCOME_DONE && (e = strmap_next(&b->tenants, &i)) != NULL) {
		t = e->value;
		/* Tombstones newer than the oldest row are rare: replays, and
		 * chats closed this minute. */
		if (t->oldest_chat == INT64_MAX ||
		    t->stored.tombstone_at == CLOCK_NONE ||
		    t->stored.tombstone_at < t->oldest_chat)
			continue;
		for (from = 0; o == OUTCOME_DONE && from < chats->n;)
			o = find_tombstones(db, chats, t, &from);
	}
	return o;
}

/* True if tombstones bar rows of that table. */
static bool
has_tombstones(const struct barred_rows *r, const struct table *t)
{
	return t->chat != 0 && (t->life != LIFE_HISTORY || r->all);
}

/* True if the tombstone of the row's chat may have been deleted, judged by the
 * newest snapshot or, because a stream has none, by the newest row of the
 * present state. History is not refused by age: the messages of an open chat
 * may be older. */
static bool
is_expired(const struct barred_rows *r, const struct sink_row *row)
{
	const struct tenant_stored *t = &row->tenant->stored;

	if (row->table->life == LIFE_HISTORY)
		return false;
	if (t->as_of != CLOCK_NONE && row->as_of < t->as_of - r->keep_ms)
		return true;
	return row->table->chat != 0 && t->newest_at != CLOCK_NONE &&
	       row->as_of < t->newest_at - r->keep_ms;
}

/* True if no row of the tenant's present state, or in this batch, is newer than
 * the tenant's removal. */
static bool
is_removed(const struct batch_tenant *t)
{
	int64_t at = t->stored.removed_at;

	return at != CLOCK_NONE && t->stored.as_of <= at &&
	       t->stored.newest_at <= at && t->newest_at <= at;
}

/* Returns the fate of a row as far as its tenant determines it. */
static enum row_fate
decide_fate(const struct barred_rows *r, const struct sink_row *row)
{
	const struct tenant_stored *t = &row->tenant->stored;

	/* For a row without a time, it is unknown when it was written. */
	if (row->undated
		? is_removed(row->tenant)
		: t->removed_at != CLOCK_NONE && row->as_of <= t->removed_at)
		return ROW_REMOVED;
	if (t->as_of != CLOCK_NONE && row->snapshot.p != NULL &&
	    row->as_of < t->as_of)
		return ROW_OLDER;
	return is_expired(r, row) ? ROW_EXPIRED : ROW_STORED;
}

enum outcome
barred_rows_decide(const struct barred_rows *r, struct row_batch *b)
{
	enum outcome o = OUTCOME_DONE;
	struct row_list *rows;
	struct sink_row *row;
	bool tombs;
	size_t i, k;

	for (k = 0; k < TABLES; k++) {
		rows = &b->rows[k];
		tombs = has_tombstones(r, &tables[k]);
		for (i = 0; i < rows->n; i++) {
			row = rows->row[i];
			row->fate = decide_fate(r, row);
			if (tombs && row->as_of < row->tenant->oldest_chat)
				row->tenant->oldest_chat = row->as_of;
		}
	}
	for (k = 0; k < TABLES && o == OUTCOME_DONE; k++)
		if (has_tombstones(r, &tables[k]) && b->rows[k].n > 0)
			o = apply_tombstones(r->db, b, &b->rows[k]);
	return o;
}

static void
add_refusal(struct db_bulk *bulk, const struct refusal *r)
{
	struct db_value values[COLUMNS] = { db_text(r->tenant->name.p,
						r->tenant->name.len),
		db_text(r->snapshot.p, r->snapshot.len),
		db_int((int64_t)(r->line >> 1)), db_time(r->as_of) };

	db_bulk_add(bulk, values);
}

/* Adds well-formed rows that are not stored. */
static void
add_refused_rows(struct db_bulk *bulk, const struct row_list *rows)
{
	const struct sink_row *row;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		row = rows->row[i];
		if (row->snapshot.p != NULL &&
		    (row->fate == ROW_BAD || row->fate == ROW_TOMB))
			add_refusal(
			    bulk, &(struct refusal){ .tenant = row->tenant,
				      .snapshot = row->snapshot,
				      .line = checksum(0, row->line, row->len),
				      .as_of = row->as_of });
	}
}

/* True if the refusal's snapshot is complete or gone, so that its rows are no
 * longer counted. */
static bool
is_past(const struct refusal *r)
{
	return r->as_of < r->tenant->stored.as_of ||
	       r->as_of <= r->tenant->stored.removed_at;
}

enum outcome
barred_rows_store(struct barred_rows *r, struct row_batch *b)
{
	size_t i;

	db_bulk_clear(r->bulk);
	for (i = 0; i < b->refusals_n; i++)
		if (!is_past(&b->refusals[i]))
			add_refusal(r->bulk, &b->refusals[i]);
	for (i = 0; i < TABLES; i++)
		add_refused_rows(r->bulk, &b->rows[i]);
	if (db_bulk_rows(r->bulk) == 0)
		return OUTCOME_DONE;
	return db_bulk_run(r->bulk, 0, db_bulk_rows(r->bulk));
}
