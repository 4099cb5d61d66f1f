/*
 * lmdb_table: reads and changes the entries of a table; see lmdb_file.h.
 */
#include "common/lmdb/lmdb_impl.h"

#include "common/base/xalloc.h"
#include "common/os/notify.h"

static int
open_table(struct lmdb_file *f, const char *name, bool make, MDB_dbi *dbi)
{
	int rc;

	if (f->tables_n == LMDB_TABLES)
		return MDB_DBS_FULL;
	lmdb_guard(f);
	rc = mdb_dbi_open(f->txn, name, make ? MDB_CREATE : 0, dbi);
	lmdb_guard_end();
	if (rc == MDB_NOTFOUND)
		lmdb_fail_damaged(f, "it lacks its table '%s'", name);
	return rc;
}

struct lmdb_table *
lmdb_table(struct lmdb_file *f, const char *name, bool make)
{
	struct lmdb_table *t;
	MDB_dbi dbi = 0;
	size_t i;
	int rc;

	for (i = 0; i < f->tables_n; i++)
		if (strcmp(f->tables[i]->name, name) == 0)
			return f->tables[i];
	if (!lmdb_begin(f))
		return NULL;
	rc = open_table(f, name, make, &dbi);
	if (rc != 0) {
		lmdb_fail(f, rc);
		return NULL;
	}
	t = xcalloc(1, sizeof *t);
	t->file = f;
	t->name = xstrdup(name);
	t->seed = lmdb_seed(name);
	t->dbi = dbi;
	f->tables[f->tables_n++] = t;
	if (strcmp(name, LMDB_META) == 0)
		f->meta = t;
	return t;
}

/* Unwraps a value for the caller. */
static bool
unwrap_value(const struct lmdb_table *t, const MDB_val *key, MDB_val *v)
{
	if (lmdb_unwrap(t->seed, key, v))
		return true;
	lmdb_fail_damaged(t->file,
	    "a value of its table '%s' was changed while it was open", t->name);
	return false;
}

bool
lmdb_get(struct lmdb_table *t, const void *key, size_t key_len,
    const void **data, size_t *len)
{
	struct lmdb_file *f = t->file;
	MDB_val k = lmdb_bytes(key, key_len), v;
	int rc;

	if (!lmdb_begin(f))
		return false;
	lmdb_guard(f);
	rc = mdb_get(f->txn, t->dbi, &k, &v);
	if (rc == 0 && unwrap_value(t, &k, &v)) {
		*data = v.mv_data;
		*len = v.mv_size;
	} else if (rc != 0 && rc != MDB_NOTFOUND) {
		lmdb_fail(f, rc);
	}
	lmdb_guard_end();
	return rc == 0 && f->rc == 0;
}

/* Reads the sum that the changes of a transaction correct. */
static int
read_sum(struct lmdb_file *f)
{
	uint64_t last = mdb_txn_id(f->txn) - 1, number = 0;
	int rc = 0;

	f->sum = 0;
	if (last > 0)
		rc = lmdb_get_digest(f, &f->sum, &number);
	return rc != 0 || number != last ? MDB_CORRUPTED : 0;
}

int
lmdb_count_change(struct lmdb_file *f, const MDB_val *old, uint64_t sum)
{
	int rc = f->changed ? 0 : read_sum(f);

	f->changed = true;
	f->sum += sum - (old != NULL ? lmdb_stored_sum(old) : 0);
	return rc;
}

static bool
is_stored(const MDB_val *stored, uint64_t sum, const void *data, size_t len)
{
	return stored->mv_size == LMDB_SUM_LEN + len &&
	       memcmp(stored->mv_data, &sum, LMDB_SUM_LEN) == 0 &&
	       (len == 0 || memcmp((const char *)stored->mv_data + LMDB_SUM_LEN,
				data, len) == 0);
}

void
lmdb_put(struct lmdb_table *t, const void *key, size_t key_len,
    const void *data, size_t len)
{
	struct lmdb_file *f = t->file;
	MDB_val k = lmdb_bytes(key, key_len), old;
	uint64_t sum;
	int rc;

	if (!lmdb_begin(f))
		return;
	sum = lmdb_sum(t->seed, &k, data, len);
	lmdb_guard(f);
	rc = mdb_get(f->txn, t->dbi, &k, &old);
	/* If the value is the same, its page need not be written. */
	if (rc == MDB_NOTFOUND ||
	    (rc == 0 && !is_stored(&old, sum, data, len))) {
		rc = lmdb_count_change(f, rc == 0 ? &old : NULL, sum);
		if (rc == 0)
			rc = lmdb_put_entry(t, &k, sum, data, len);
	}
	lmdb_guard_end();
	if (rc != 0)
		lmdb_fail(f, rc);
}

void
lmdb_delete(struct lmdb_table *t, const void *key, size_t key_len)
{
	struct lmdb_file *f = t->file;
	MDB_val k = lmdb_bytes(key, key_len), old;
	int rc;

	if (!lmdb_begin(f))
		return;
	lmdb_guard(f);
	rc = mdb_get(f->txn, t->dbi, &k, &old);
	if (rc == 0)
		rc = lmdb_count_change(f, &old, 0);
	if (rc == 0)
		rc = mdb_del(f->txn, t->dbi, &k, NULL);
	lmdb_guard_end();
	if (rc != 0 && rc != MDB_NOTFOUND)
		lmdb_fail(f, rc);
}

/* Moves a cursor to the first entry whose key begins with the prefix
 * (MDB_SET_RANGE), or to the next one (MDB_NEXT). */
static int
step_cursor(MDB_cursor *c, MDB_cursor_op op, const void *prefix, size_t len,
    MDB_val *key, MDB_val *data)
{
	int rc;

	if (op == MDB_SET_RANGE) {
		*key = lmdb_bytes(prefix, len);
		op = len > 0 ? MDB_SET_RANGE : MDB_FIRST;
	}
	rc = mdb_cursor_get(c, key, data, op);
	if (rc != 0 || len == 0)
		return rc;
	return key->mv_size >= len && memcmp(key->mv_data, prefix, len) == 0
		   ? 0
		   : MDB_NOTFOUND;
}

/* end NULL: deletes all entries with that prefix. */
static size_t
delete_entries(struct lmdb_table *t, const void *prefix, size_t len,
    const MDB_val *end, size_t max)
{
	struct lmdb_file *f = t->file;
	MDB_val key, data;
	MDB_cursor *c;
	size_t n = 0;
	int rc;

	if (max == 0 || !lmdb_begin(f))
		return 0;
	lmdb_guard(f);
	rc = mdb_cursor_open(f->txn, t->dbi, &c);
	if (rc == 0) {
		rc = step_cursor(c, MDB_SET_RANGE, prefix, len, &key, &data);
		while (rc == 0 && (end == NULL ||
				      mdb_cmp(f->txn, t->dbi, &key, end) < 0)) {
			rc = lmdb_count_change(f, &data, 0);
			if (rc == 0)
				rc = mdb_cursor_del(c, 0);
			if (rc != 0 || ++n == max)
				break;
			/* After a deletion the cursor is already at the next
			 * entry. */
			rc = step_cursor(c, MDB_NEXT, prefix, len, &key, &data);
		}
		mdb_cursor_close(c);
	}
	lmdb_guard_end();
	if (rc != 0 && rc != MDB_NOTFOUND)
		lmdb_fail(f, rc);
	return n;
}

size_t
lmdb_delete_prefix(
    struct lmdb_table *t, const void *prefix, size_t len, size_t max)
{
	return delete_entries(t, prefix, len, NULL, max);
}

size_t
lmdb_delete_before(struct lmdb_table *t, const void *prefix, size_t len,
    const void *key, size_t key_len, size_t max)
{
	const MDB_val end = lmdb_bytes(key, key_len);

	return delete_entries(t, prefix, len, &end, max);
}

/* Returns why the iteration ended: 0 if entry() ended it, or a damaged
 * value. */
static int
walk_entries(struct lmdb_table *t, MDB_cursor *c, const void *prefix,
    size_t len, lmdb_entry_fn *entry, void *ctx)
{
	MDB_val key, v;
	bool more;
	int rc;

	rc = step_cursor(c, MDB_SET_RANGE, prefix, len, &key, &v);
	while (rc == 0) {
		notify_alive(); /* A walk may take minutes. */
		if (!unwrap_value(t, &key, &v))
			break;
		lmdb_guard_end();
		more =
		    entry(ctx, key.mv_data, key.mv_size, v.mv_data, v.mv_size);
		lmdb_guard(t->file);
		if (!more || t->file->rc != 0)
			break;
		rc = step_cursor(c, MDB_NEXT, prefix, len, &key, &v);
	}
	return rc;
}

void
lmdb_each(struct lmdb_table *t, const void *prefix, size_t len,
    lmdb_entry_fn *entry, void *ctx)
{
	struct lmdb_file *f = t->file;
	MDB_cursor *c;
	int rc;

	if (!lmdb_begin(f))
		return;
	lmdb_guard(f);
	rc = mdb_cursor_open(f->txn, t->dbi, &c);
	if (rc == 0) {
		rc = walk_entries(t, c, prefix, len, entry, ctx);
		mdb_cursor_close(c);
	}
	lmdb_guard_end();
	if (rc != 0 && rc != MDB_NOTFOUND)
		lmdb_fail(f, rc);
}
