/*
 * flush_heads: see flush_heads.h.
 */
#include "sink/store/flush_heads.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"

void
flush_heads_init(struct flush_heads *h, struct db *db)
{
	h->db = db;
	h->heads = db_bulk_new(db,
	    "INSERT INTO stream_heads (tenant, stream, version, writer, "
	    "from_version, identity, host, host_since, stored_at) VALUES ",
	    "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	    " ON DUPLICATE KEY UPDATE version = VALUES(version), "
	    "writer = VALUES(writer), from_version = VALUES(from_version), "
	    "identity = VALUES(identity), host_since = IF(host = VALUES(host), "
	    "host_since, VALUES(host_since)), host = VALUES(host), "
	    "stored_at = VALUES(stored_at)",
	    9);
	h->parts = db_bulk_new(db,
	    "INSERT INTO stream_state (tenant, stream, version, part, writer, "
	    "data) VALUES ",
	    "(?, ?, ?, ?, ?, FROM_BASE64(?))",
	    " ON DUPLICATE KEY UPDATE writer = VALUES(writer), "
	    "data = VALUES(data)",
	    6);
}

void
flush_heads_release(struct flush_heads *h)
{
	db_bulk_free(h->heads);
	db_bulk_free(h->parts);
}

/* Returns the next tenant of the batch with a flush, or NULL. */
static struct batch_tenant *
next_flushed(const struct row_batch *b, size_t *i)
{
	struct strmap_entry *e;
	struct batch_tenant *t;

	while ((e = strmap_next(&b->tenants, i)) != NULL) {
		t = e->value;
		if (t->flush != NULL)
			return t;
	}
	return NULL;
}

static struct db_value
db_text_of(struct text t)
{
	return db_text(t.p, t.len);
}

static void
read_head(const struct row_batch *b, const struct db_rows *rows)
{
	const struct batch_tenant *t =
	    strmap_get(&b->tenants, db_get(rows, 0), db_get_len(rows, 0));
	struct flush_head *head;

	if (t == NULL || t->flush == NULL ||
	    !text_is(t->flush->stream, db_get(rows, 1)))
		return;
	head = &t->flush->head;
	head->version = db_get_int(rows, 2);
	(void)snprintf(
	    head->writer, sizeof head->writer, "%s", db_get(rows, 3));
	head->from_version = db_get_int(rows, 4);
}

/* Locks the heads, in the order of their key. */
static enum outcome
lock_heads(struct flush_heads *h, const struct row_batch *b)
{
	struct buf sql = BUF_INIT;
	const struct batch_tenant *t;
	struct db_rows *rows;
	enum outcome o;
	size_t i = 0, n = 0;

	buf_adds(&sql, "SELECT tenant, stream, version, writer, from_version "
		       "FROM stream_heads WHERE tenant IN (");
	while ((t = next_flushed(b, &i)) != NULL) {
		buf_adds(&sql, n++ > 0 ? ", " : "");
		db_quote(h->db, &sql, db_text_of(t->name));
	}
	buf_adds(&sql, ") ORDER BY tenant, stream FOR UPDATE");
	o = db_query(h->db, sql.data, NULL, 0, &rows);
	while (o == OUTCOME_DONE && db_next(rows))
		read_head(b, rows);
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}

static bool
may_be_first(const struct batch_tenant *t)
{
	const struct flush *f = t->flush;

	return f->head.version == 0 && f->prev_version == 0 && f->bad == NULL &&
	       f->version > t->stored.removed_at;
}

/* A row that does not exist cannot be locked, so a first flush adds it, empty,
 * unless a rival has added it meanwhile. *added: then read again. */
static enum outcome
add_first_heads(struct flush_heads *h, const struct row_batch *b, bool *added)
{
	const struct db_value now = db_time(clock_now_ms());
	const struct batch_tenant *t;
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t i = 0, n = 0;

	buf_adds(&sql, "INSERT IGNORE INTO stream_heads (tenant, stream, "
		       "writer, identity, host, host_since, stored_at) VALUES "
		       "");
	while ((t = next_flushed(b, &i)) != NULL) {
		if (!may_be_first(t))
			continue;
		buf_adds(&sql, n++ > 0 ? ", (" : "(");
		db_quote(h->db, &sql, db_text_of(t->name));
		buf_adds(&sql, ", ");
		db_quote(h->db, &sql, db_text_of(t->flush->stream));
		buf_adds(&sql, ", '', '', '', ");
		db_quote(h->db, &sql, now);
		buf_adds(&sql, ", ");
		db_quote(h->db, &sql, now);
		buf_addc(&sql, ')');
	}
	o = n > 0 ? db_exec(h->db, sql.data, NULL, 0, NULL) : OUTCOME_DONE;
	*added = n > 0;
	buf_release(&sql);
	return o;
}

static bool
is_head(const struct flush_head *head, int64_t version, struct text writer)
{
	return head->version == version && text_is(writer, head->writer);
}

/* A run of an aggregator writes a tenant's flushes one after the other: if a
 * later one is stored, so is this one. */
static bool
is_known(const struct flush *f)
{
	return f->head.version >= f->version &&
	       text_is(f->writer, f->head.writer);
}

static const char *
refuse(struct row_batch *b, const struct flush *f, bool removed)
{
	char text[160];

	if (removed)
		return "the tenant was removed";
	if (f->head.version == 0)
		return "the database has no state of this tenant";
	(void)snprintf(text, sizeof text,
	    "version %lld of %s is stored, and not version %lld of %.*s before "
	    "it",
	    (long long)f->head.version, f->head.writer,
	    (long long)f->prev_version, TEXT_ARG(f->prev_writer));
	return arena_copy(&b->arena, text, strlen(text));
}

static void
decide(struct row_batch *b, const struct batch_tenant *t)
{
	struct flush *f = t->flush;
	int64_t removed_at = t->stored.removed_at;
	bool removed = false, follows;

	if (f->head.version <= removed_at) {
		removed = f->head.version > 0;
		f->head = (struct flush_head){ .version = 0 };
	}
	follows = f->head.version == 0
		      ? f->prev_version == 0
		      : is_head(&f->head, f->prev_version, f->prev_writer);
	f->reason = NULL;
	f->fate = FLUSH_REFUSED;
	if (f->bad != NULL)
		f->reason = f->bad;
	else if (is_known(f))
		f->fate = FLUSH_KNOWN;
	else if (f->version > removed_at &&
		 (follows || (f->forced && f->version > f->head.version)))
		f->fate = FLUSH_TAKEN;
	else
		f->reason = refuse(b, f, removed || f->version <= removed_at);
}

static void
skip_rows(struct row_batch *b)
{
	struct sink_row *row;
	size_t i, k;

	for (k = 0; k < TABLES; k++)
		for (i = 0; i < b->rows[k].n; i++) {
			row = b->rows[k].row[i];
			if (row->flush != NULL &&
			    row->flush->fate == FLUSH_REFUSED)
				row->fate = ROW_FLUSHED;
		}
}

enum outcome
flush_heads_decide(struct flush_heads *h, struct row_batch *b)
{
	struct batch_tenant *t;
	bool added, skips = false;
	enum outcome o;
	size_t i = 0, n = 0;

	for (; (t = next_flushed(b, &i)) != NULL; n++)
		t->flush->head = (struct flush_head){ .version = 0 };
	if (n == 0)
		return OUTCOME_DONE;
	o = lock_heads(h, b);
	if (o == OUTCOME_DONE)
		o = add_first_heads(h, b, &added);
	if (o == OUTCOME_DONE && added)
		o = lock_heads(h, b);
	if (o != OUTCOME_DONE)
		return o;
	for (i = 0; (t = next_flushed(b, &i)) != NULL;) {
		decide(b, t);
		if (t->flush->fate != FLUSH_REFUSED)
			continue;
		skips = true;
		if (t->end.flush != NULL)
			t->ends = false;
	}
	if (skips)
		skip_rows(b);
	return OUTCOME_DONE;
}

/* Returns from which version on the log is needed after the flush. */
static int64_t
from_version(const struct flush *f)
{
	if (f->from_version != 0)
		return f->from_version;
	return f->head.version != 0 ? f->head.from_version : f->version;
}

static void
add_head(struct db_bulk *bulk, const struct flush *f)
{
	const struct db_value now = db_time(clock_now_ms());
	const struct db_value values[] = { db_text_of(f->tenant),
		db_text_of(f->stream), db_int(f->version),
		db_text_of(f->writer), db_int(from_version(f)),
		db_text_of(f->identity), db_text_of(f->host), now, now };

	db_bulk_add(bulk, values);
}

static void
add_parts(struct db_bulk *bulk, const struct flush *f)
{
	const struct state_part *p;
	int64_t n = 0;

	for (p = f->parts; p != NULL; p = p->next) {
		const struct db_value values[] = { db_text_of(f->tenant),
			db_text_of(f->stream), db_int(f->version), db_int(++n),
			db_text_of(f->writer), db_text_of(p->base64) };

		db_bulk_add(bulk, values);
	}
}

/* Deletes changes that later ones replace, or that a removed state left. */
static enum outcome
delete_replaced(struct flush_heads *h, const struct flush *f)
{
	const struct db_value args[] = { db_text_of(f->tenant),
		db_text_of(f->stream), db_int(from_version(f)) };

	if (f->head.version != 0 && from_version(f) == f->head.from_version)
		return OUTCOME_DONE;
	return db_exec(h->db,
	    "DELETE FROM stream_state WHERE tenant = ? AND stream = ? AND "
	    "version < ?",
	    args, 3, NULL);
}

enum outcome
flush_heads_store(struct flush_heads *h, struct row_batch *b)
{
	enum outcome o = OUTCOME_DONE;
	struct batch_tenant *t;
	size_t i = 0;

	db_bulk_clear(h->heads);
	db_bulk_clear(h->parts);
	while (o == OUTCOME_DONE && (t = next_flushed(b, &i)) != NULL) {
		if (t->flush->fate != FLUSH_TAKEN)
			continue;
		add_head(h->heads, t->flush);
		add_parts(h->parts, t->flush);
		o = delete_replaced(h, t->flush);
	}
	if (o == OUTCOME_DONE && db_bulk_rows(h->heads) > 0)
		o = db_bulk_run(h->heads, 0, db_bulk_rows(h->heads));
	if (o == OUTCOME_DONE && db_bulk_rows(h->parts) > 0)
		o = db_bulk_run(h->parts, 0, db_bulk_rows(h->parts));
	return o;
}
