/*
 * message_versions: see message_versions.h.
 */
#include "sink/store/message_versions.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

/* An original that comes behind its edit may say that it is later than that,
 * by the difference of two publishers' clocks. */
#define LATER_MS DAY_MS

/* The last time of a DATETIME. */
#define LATEST INT64_C(253402300799999)

enum {
	/* Messages in one query. */
	LIST = 500,
	CHAT = TABLE_COLUMN(messages, conversation_id),
	ID = TABLE_COLUMN(messages, message_id),
};

/* A message of which other versions may be known. */
struct known_message {
	struct message_version *newest;
	bool original; /* the unedited version came, or any one is stored */
};

/* A version of a message, in the batch or in the table. */
struct message_version {
	struct known_message *message;
	struct sink_row *row; /* a row of the batch with its tenant, chat, id */
	int64_t at, version;
	bool stored; /* it is in the table; else it is row */
};

void
message_versions_release(struct message_versions *v)
{
	strmap_release(&v->messages, NULL);
	free(v->all);
	*v = (struct message_versions){ 0 };
}

bool
message_versions_find_edits(const struct row_batch *b)
{
	const struct row_list *rows = &b->rows[TABLE_messages];
	struct batch_tenant *t;
	bool found = false;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		if (rows->row[i]->version == 0)
			continue;
		t = rows->row[i]->tenant;
		if (t->edited_at < rows->row[i]->version)
			t->edited_at = rows->row[i]->version;
		found = true;
	}
	return found;
}

/* Whether another version of the message may be known. */
static bool
may_have_versions(const struct sink_row *row)
{
	const struct batch_tenant *t = row->tenant;

	return row->fate == ROW_STORED &&
	       (row->version > 0 || row->as_of <= t->edited_at ||
		   row->as_of <= t->stored.edited_at);
}

static bool
is_newer(const struct message_version *a, const struct message_version *b)
{
	return a->version != b->version ? a->version > b->version
					: a->at > b->at;
}

static void
add_version(struct message_versions *v, struct row_batch *b,
    struct known_message *m, const struct message_version *one)
{
	struct message_version *kept = arena_take(&b->arena, sizeof *kept);

	*kept = *one;
	kept->message = m;
	if (m->newest == NULL || is_newer(kept, m->newest))
		m->newest = kept;
	if (kept->stored || kept->version == 0 || kept->row->replaces_original)
		m->original = true;
	XGROW(v->all, v->n, v->cap);
	v->all[v->n++] = kept;
}

/* NULL: it is not known; `add`: it is made then. Ids hold no NUL. */
static struct known_message *
find_message(struct message_versions *v, struct row_batch *b,
    const struct sink_row *row, struct text chat, struct text id, bool add)
{
	struct buf key = BUF_INIT;
	void **slot, *found;

	buf_add(&key, row->tenant->name.p, row->tenant->name.len + 1);
	buf_add(&key, chat.p, chat.len);
	buf_addc(&key, '\0');
	buf_add(&key, id.p, id.len);
	found = strmap_get(&v->messages, buf_str(&key), key.len);
	if (found == NULL && add) {
		slot = strmap_put(&v->messages, buf_str(&key), key.len);
		found = *slot =
		    arena_take(&b->arena, sizeof(struct known_message));
	}
	buf_release(&key);
	return found;
}

/* Adds a row of the batch; `known`: only if its message is known. */
static void
add_row(struct message_versions *v, struct row_batch *b, struct sink_row *row,
    bool known)
{
	const struct db_value *c = &row->values[CHAT], *id = &row->values[ID];
	struct message_version one = { NULL, row, row->as_of, row->version,
		false };
	struct known_message *m =
	    find_message(v, b, row, (struct text){ c->text, c->len },
		(struct text){ id->text, id->len }, !known);

	if (m != NULL)
		add_version(v, b, m, &one);
}

/* Adds the rows that may have other versions in the table; and then those that
 * are too late for that, but have one beside them in the batch. Returns how
 * many the first ones are. */
static size_t
add_rows(struct message_versions *v, struct row_batch *b)
{
	const struct row_list *rows = &b->rows[TABLE_messages];
	struct sink_row *row;
	size_t i, n;

	for (i = 0; i < rows->n; i++)
		if (may_have_versions(rows->row[i]))
			add_row(v, b, rows->row[i], false);
	n = v->n;
	for (i = 0; i < rows->n && n > 0; i++) {
		row = rows->row[i];
		if (row->fate == ROW_STORED && !may_have_versions(row) &&
		    row->tenant->edited_at != CLOCK_NONE)
			add_row(v, b, row, true);
	}
	return n;
}

static void
add_stored_version(struct message_versions *v, struct row_batch *b,
    const struct sink_row *row, const struct db_rows *r)
{
	struct message_version one = { NULL, NULL, db_get_time(r, 2),
		db_get_int(r, 3), true };
	struct known_message *m = find_message(v, b, row,
	    (struct text){ db_get(r, 0), db_get_len(r, 0) },
	    (struct text){ db_get(r, 1), db_get_len(r, 1) }, false);

	/* The lists of chats and of ids have more pairs than were asked for. */
	if (m == NULL)
		return;
	one.row = m->newest->row;
	add_version(v, b, m, &one);
}

/* Appends the values of a column of the versions [from, to), which are rows of
 * one tenant. */
static void
add_list(struct message_versions *v, struct db *db, struct buf *sql,
    size_t column, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++) {
		buf_adds(sql, i > from ? ", " : "");
		db_quote(db, sql, v->all[i]->row->values[column]);
	}
}

/* Reads what the table has of the messages [from, to). */
static enum outcome
read_stored(struct message_versions *v, struct db *db, struct row_batch *b,
    size_t from, size_t to)
{
	const struct sink_row *row = v->all[from]->row;
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;

	buf_adds(&sql,
	    "SELECT conversation_id, message_id, created_at, version "
	    "FROM messages FORCE INDEX (by_chat) WHERE tenant = ");
	db_quote(db, &sql, row->values[0]);
	buf_adds(&sql, " AND conversation_id IN (");
	add_list(v, db, &sql, CHAT, from, to);
	buf_adds(&sql, ") AND message_id IN (");
	add_list(v, db, &sql, ID, from, to);
	buf_addc(&sql, ')');
	o = db_query(db, sql.data, NULL, 0, &rows);
	while (o == OUTCOME_DONE && db_next(rows))
		add_stored_version(v, b, row, rows);
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}

/* Raises edited_at to the time up to which a version that an edit of the batch
 * replaces may come: again, or for the first time. */
static void
raise_edited_at(const struct message_version *one)
{
	struct batch_tenant *t = one->row->tenant;
	int64_t until = CLOCK_NONE;

	if (one != one->message->newest)
		until = one->at;
	if (!one->message->original)
		until = one->version < LATEST - LATER_MS
			    ? one->version + LATER_MS
			    : LATEST;
	if (t->edited_at != CLOCK_NONE && t->edited_at < until)
		t->edited_at = until;
}

enum outcome
message_versions_find(
    struct message_versions *v, struct db *db, struct row_batch *b)
{
	enum outcome o = OUTCOME_DONE;
	const struct message_version *one;
	size_t i, n, asked, from, to;

	strmap_release(&v->messages, NULL);
	v->messages = (struct strmap)STRMAP_INIT;
	v->n = 0;
	asked = add_rows(v, b);
	n = v->n;
	for (from = 0; from < asked && o == OUTCOME_DONE; from = to) {
		for (to = from + 1;
		     to < asked && to - from < LIST &&
		     v->all[to]->row->tenant == v->all[from]->row->tenant;)
			to++;
		o = read_stored(v, db, b, from, to);
	}
	for (i = 0; i < v->n && o == OUTCOME_DONE; i++) {
		one = v->all[i];
		raise_edited_at(one);
		if (i < n && one->message->newest->stored &&
		    one->message->newest->at != one->at)
			one->row->fate = ROW_OLDER;
	}
	return o;
}

/* The newest version may be a row that the database has just refused. */
static bool
is_replaced(const struct message_version *one)
{
	const struct message_version *newest = one->message->newest;

	return one->at != newest->at &&
	       (newest->stored || newest->row->fate == ROW_STORED);
}

static enum outcome
remove_version(struct db *db, const struct message_version *one)
{
	struct db_value key[4] = { one->row->values[0], db_time(one->at),
		one->row->values[CHAT], one->row->values[ID] };

	return db_exec(db,
	    "DELETE FROM messages WHERE tenant = ? AND created_at = ? AND "
	    "conversation_id = ? AND message_id = ?",
	    key, 4, NULL);
}

enum outcome
message_versions_replace(const struct message_versions *v, struct db *db)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < v->n && o == OUTCOME_DONE; i++)
		if (is_replaced(v->all[i]))
			o = remove_version(db, v->all[i]);
	return o;
}
