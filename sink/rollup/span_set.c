/*
 * span_set: see span_set.h.
 */
#include "sink/rollup/span_set.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "sink/rollup/span_text.h"

static void
write_span_key(struct buf *key, int64_t begin, const char *id, size_t len)
{
	buf_add(key, &begin, sizeof begin);
	buf_add(key, id, len);
}

struct span_row *
span_set_row(struct span_set *s, int64_t begin, const char *id, size_t len)
{
	struct buf key = BUF_INIT;
	struct span_row *row;
	void **slot;

	write_span_key(&key, begin, id, len);
	slot = strmap_put(&s->rows, key.data, key.len);
	buf_release(&key);
	if (*slot == NULL) {
		row = xcalloc(1, sizeof *row);
		row->begin = begin;
		row->as_of = begin;
		row->id = xstrndup(id, len);
		*slot = row;
	}
	return *slot;
}

static void
free_span_row(void *ctx)
{
	struct span_row *row = ctx;

	span_sums_release(&row->sums);
	buf_release(&row->text);
	free(row->id);
	free(row);
}

void
span_set_release(struct span_set *s)
{
	strmap_release(&s->rows, free_span_row);
	s->rows = (struct strmap)STRMAP_INIT;
}

void
span_row_merge(struct span_row *to, const struct span_row *from)
{
	size_t i;

	to->damaged |= from->damaged;
	if (from->as_of > to->as_of)
		to->as_of = from->as_of;
	for (i = 0; i < SPAN_KINDS; i++)
		span_sum_merge(&to->sums.kind[i], &from->sums.kind[i]);
}

/* Adds the sums of a stored span. */
static void
add_stored(struct span_row *to, const char *sums, int64_t as_of)
{
	if (as_of > to->as_of)
		to->as_of = as_of;
	to->damaged |= span_sums_read(sums, &to->sums) != 0;
}

enum outcome
span_set_read(struct span_set *s, struct db *db, const char *tenant,
    int64_t from, int64_t to, bool emptied)
{
	const struct db_value args[] = { db_str(tenant), db_str(s->of),
		db_str(s->span), db_time(from), db_time(to) };
	struct db_rows *rows;
	struct span_row *row;
	enum outcome o;

	o = db_query(db,
	    "SELECT begin_at, id, sums, as_of FROM response_rollups "
	    "WHERE tenant = ? AND subject = ? AND span = ? AND begin_at >= ? "
	    "AND begin_at < ?",
	    args, ARRAY_LEN(args), &rows);
	while (o == OUTCOME_DONE && db_next(rows)) {
		row = span_set_row(s, db_get_time(rows, 0), db_get(rows, 1),
		    db_get_len(rows, 1));
		if (emptied)
			row->put = true;
		else if (!row->put)
			add_stored(row, db_get(rows, 2), db_get_time(rows, 3));
		if (row->damaged)
			log_warn("response_rollups has a damaged row of tenant "
				 "%s at %s; run `sink --recompute`",
			    tenant, db_get(rows, 0));
	}
	db_rows_free(rows);
	return o;
}

static int64_t
newest_version(const struct span_sums *s)
{
	int64_t version = 0;
	size_t i;

	for (i = 0; i < SPAN_KINDS; i++) {
		if (s->kind[i].version > version)
			version = s->kind[i].version;
	}
	return version;
}

enum outcome
span_set_lock(
    const struct span_set *s, struct db *db, const char *tenant, int64_t begin)
{
	const struct db_value args[] = { db_str(tenant), db_str(s->of),
		db_str(s->span), db_time(begin), db_time(begin) };

	return db_exec(db,
	    "INSERT INTO response_rollups (tenant, subject, span, begin_at, "
	    "id, sums, as_of, version) VALUES (?, ?, ?, ?, '', '', ?, 0) "
	    "ON DUPLICATE KEY UPDATE tenant = VALUES(tenant)",
	    args, ARRAY_LEN(args), NULL);
}

enum { COLUMNS = 8 };

/* No text of sums: no kind has that name. */
static const char damaged_text[] = "damaged";

struct db_bulk *
span_set_bulk(struct db *db)
{
	return db_bulk_new(db,
	    "INSERT INTO response_rollups (tenant, subject, span, begin_at, "
	    "id, sums, as_of, version) VALUES ",
	    "(?, ?, ?, ?, ?, ?, ?, ?)",
	    " ON DUPLICATE KEY UPDATE sums = VALUES(sums), "
	    "as_of = VALUES(as_of), version = VALUES(version)",
	    COLUMNS);
}

static void
put_rows(struct span_set *s, const char *tenant, struct db_bulk *put)
{
	const struct strmap_entry *e;
	struct span_row *row;
	size_t i = 0;

	while ((e = strmap_next(&s->rows, &i)) != NULL) {
		row = e->value;
		if (!row->put)
			continue;
		buf_clear(&row->text);
		if (row->damaged)
			buf_adds(&row->text, damaged_text);
		else
			span_sums_write(&row->sums, &row->text);
		db_bulk_add(
		    put, (const struct db_value[COLUMNS]){ db_str(tenant),
			     db_str(s->of), db_str(s->span),
			     db_time(row->begin), db_str(row->id),
			     db_text(buf_str(&row->text), row->text.len),
			     db_time(row->as_of),
			     db_int(newest_version(&row->sums)) });
	}
}

enum outcome
span_sets_write(struct span_set *const sets[], size_t n, const char *tenant,
    struct db_bulk *put)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	db_bulk_clear(put);
	for (i = 0; i < n; i++)
		put_rows(sets[i], tenant, put);
	if (db_bulk_rows(put) > 0)
		o = db_bulk_run(put, 0, db_bulk_rows(put));
	db_bulk_clear(put);
	return o;
}
