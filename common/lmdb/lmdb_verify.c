/*
 * lmdb_verify: checksums, the digest, and the verification of a whole file; see
 * lmdb_file.h.
 */
#include "common/lmdb/lmdb_impl.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/os/notify.h"

/* The value of LMDB_DIGEST. */
struct digest {
	uint64_t sum;    /* checksums of all entries, added modulo 2^64 */
	uint64_t number; /* LMDB's number of the commit */
};

uint64_t
lmdb_seed(const char *table)
{
	return checksum(0, table, strlen(table));
}

uint64_t
lmdb_sum(uint64_t seed, const MDB_val *key, const void *data, size_t len)
{
	return checksum(checksum(seed, key->mv_data, key->mv_size), data, len);
}

uint64_t
lmdb_stored_sum(const MDB_val *stored)
{
	uint64_t sum = 0;

	if (stored->mv_size >= LMDB_SUM_LEN)
		memcpy(&sum, stored->mv_data, LMDB_SUM_LEN);
	return sum;
}

bool
lmdb_unwrap(uint64_t seed, const MDB_val *key, MDB_val *v)
{
	uint64_t sum = lmdb_stored_sum(v);

	if (v->mv_size < LMDB_SUM_LEN)
		return false;
	v->mv_data = (char *)v->mv_data + LMDB_SUM_LEN;
	v->mv_size -= LMDB_SUM_LEN;
	return sum == lmdb_sum(seed, key, v->mv_data, v->mv_size);
}

int
lmdb_put_entry(const struct lmdb_table *t, MDB_val *key, uint64_t sum,
    const void *data, size_t len)
{
	MDB_val room = { LMDB_SUM_LEN + len, NULL };
	int rc = mdb_put(t->file->txn, t->dbi, key, &room, MDB_RESERVE);

	if (rc != 0)
		return rc;
	memcpy(room.mv_data, &sum, LMDB_SUM_LEN);
	if (len > 0)
		memcpy((char *)room.mv_data + LMDB_SUM_LEN, data, len);
	return 0;
}

int
lmdb_put_digest(struct lmdb_file *f)
{
	struct digest d = { f->sum, mdb_txn_id(f->txn) };
	MDB_val key = lmdb_text(LMDB_DIGEST);

	return lmdb_put_entry(f->meta, &key,
	    lmdb_sum(f->meta->seed, &key, &d, sizeof d), &d, sizeof d);
}

int
lmdb_get_digest(const struct lmdb_file *f, uint64_t *sum, uint64_t *number)
{
	MDB_val key = lmdb_text(LMDB_DIGEST), v;
	struct digest d;
	int rc = mdb_get(f->txn, f->meta->dbi, &key, &v);

	if (rc != 0)
		return rc;
	if (!lmdb_unwrap(f->meta->seed, &key, &v) || v.mv_size != sizeof d)
		return MDB_CORRUPTED;
	memcpy(&d, v.mv_data, sizeof d);
	*sum = d.sum;
	*number = d.number;
	return 0;
}

/* ---- verification ---- */

/* The verification of a table. */
struct verify {
	MDB_txn *txn;
	MDB_dbi dbi;
	bool meta;
	uint64_t seed;
	size_t page;  /* page size in bytes */
	MDB_val last; /* the previous key */
	size_t n;
};

/* True if a search finds this key in this place. */
static bool
is_found(const struct verify *v, const MDB_val *key, const void *stored)
{
	MDB_val k = *key, found;

	return mdb_get(v->txn, v->dbi, &k, &found) == 0 &&
	       (stored == NULL || found.mv_data == stored);
}

static bool
is_on_other_page(const struct verify *v, const MDB_val *key)
{
	return v->last.mv_data == NULL ||
	       (uintptr_t)key->mv_data / v->page !=
		   (uintptr_t)v->last.mv_data / v->page;
}

/* True if the entry follows the previous one, and a search finds both where
 * inner pages separate them. */
static bool
is_in_place(const struct verify *v, const MDB_val *key, const MDB_val *stored)
{
	if (v->last.mv_data != NULL &&
	    mdb_cmp(v->txn, v->dbi, &v->last, key) >= 0)
		return false;
	return !is_on_other_page(v, key) ||
	       (is_found(v, key, stored->mv_data) &&
		   (v->last.mv_data == NULL || is_found(v, &v->last, NULL)));
}

static bool
is_digest_entry(const struct verify *v, const MDB_val *key)
{
	return v->meta && key->mv_size == strlen(LMDB_DIGEST) &&
	       memcmp(key->mv_data, LMDB_DIGEST, key->mv_size) == 0;
}

static const char *
verify_entry(
    struct verify *v, const MDB_val *key, const MDB_val *stored, uint64_t *sum)
{
	MDB_val value = *stored;

	if (!lmdb_unwrap(v->seed, key, &value))
		return "has an entry that does not match its checksum";
	if (!is_in_place(v, key, stored))
		return "is out of order";
	if (!is_digest_entry(v, key))
		*sum += lmdb_stored_sum(stored);
	v->last = *key;
	v->n++;
	return NULL;
}

static const char *
verify_entries(struct verify *v, MDB_cursor *c, size_t entries, uint64_t *sum)
{
	MDB_val key, stored;
	const char *why;
	int rc;

	while ((rc = mdb_cursor_get(c, &key, &stored, MDB_NEXT)) == 0) {
		notify_alive(); /* A large file may take minutes. */
		why = verify_entry(v, &key, &stored, sum);
		if (why != NULL)
			return why;
	}
	if (rc != MDB_NOTFOUND)
		return mdb_strerror(rc);
	return v->n == entries && (v->n == 0 || is_found(v, &v->last, NULL))
		   ? NULL
		   : "lacks entries";
}

/* Reads all entries of a table and adds their checksums to *sum. Returns NULL;
 * or the fault in the table, such as "is out of order". */
static const char *
verify_table(MDB_txn *txn, const char *table, uint64_t *sum)
{
	struct verify v = { .txn = txn,
		.meta = strcmp(table, LMDB_META) == 0,
		.seed = lmdb_seed(table) };
	const char *why;
	MDB_stat stat;
	MDB_cursor *c;
	int rc = mdb_dbi_open(txn, table, 0, &v.dbi);

	if (rc == 0)
		rc = mdb_stat(txn, v.dbi, &stat);
	if (rc == 0)
		rc = mdb_cursor_open(txn, v.dbi, &c);
	if (rc != 0)
		return mdb_strerror(rc);
	v.page = stat.ms_psize;
	why = verify_entries(&v, c, stat.ms_entries, sum);
	mdb_cursor_close(c);
	return why;
}

size_t
lmdb_list_tables(struct lmdb_file *f, char *names[LMDB_TABLES])
{
	MDB_cursor *c = NULL;
	MDB_dbi all = 0;
	MDB_val key;
	size_t n = 0;
	int rc;

	if (!lmdb_begin(f))
		return 0;
	lmdb_guard(f);
	rc = mdb_dbi_open(f->txn, NULL, 0, &all);
	if (rc == 0)
		rc = mdb_cursor_open(f->txn, all, &c);
	while (rc == 0 && n < LMDB_TABLES &&
	       (rc = mdb_cursor_get(c, &key, NULL, MDB_NEXT)) == 0)
		names[n++] = xstrndup(key.mv_data, key.mv_size);
	if (c != NULL)
		mdb_cursor_close(c);
	lmdb_guard_end();
	if (rc != MDB_NOTFOUND)
		lmdb_fail_damaged(f, "its list of tables cannot be read");
	return n;
}

/* Verifies the sum of all entries, and that they are those of the last
 * commit. */
static void
verify_digest(struct lmdb_file *f, uint64_t sum)
{
	uint64_t stored = 0, number = 0;
	size_t last = mdb_txn_id(f->txn) - (f->writes ? 1 : 0);

	lmdb_guard(f);
	if (lmdb_get_digest(f, &stored, &number) != 0 || stored != sum ||
	    number != last)
		lmdb_fail_damaged(
		    f, "its entries do not match its last commit");
	lmdb_guard_end();
}

static void
verify_tables(struct lmdb_file *f)
{
	char *names[LMDB_TABLES];
	size_t i, n = lmdb_list_tables(f, names);
	const char *why;
	uint64_t sum = 0;

	for (i = 0; i < n; i++) {
		lmdb_guard(f);
		why = f->rc == 0 ? verify_table(f->txn, names[i], &sum) : NULL;
		lmdb_guard_end();
		if (why != NULL)
			lmdb_fail_damaged(
			    f, "its table '%s' %s", names[i], why);
		free(names[i]);
	}
	if (f->rc == 0)
		verify_digest(f, sum);
}

/* Reads the format without its checksum, which other versions may compute in
 * another way. */
static void
verify_format(struct lmdb_file *f)
{
	const char *want = f->kind->format;
	size_t len = strlen(want), name = len - strlen(strrchr(want, ' ')) + 1;
	MDB_val key = lmdb_text("format"), v;
	const char *text;

	lmdb_guard(f);
	if (mdb_get(f->txn, f->meta->dbi, &key, &v) != 0 ||
	    v.mv_size < LMDB_SUM_LEN + name) {
		lmdb_fail_damaged(f, "its description is missing");
	} else {
		text = (const char *)v.mv_data + LMDB_SUM_LEN;
		if (memcmp(text, want, name) != 0)
			lmdb_fail_damaged(f, "it is not a %s", f->kind->name);
		else if (v.mv_size != LMDB_SUM_LEN + len ||
			 memcmp(text, want, len) != 0)
			lmdb_fail(f, MDB_VERSION_MISMATCH);
	}
	lmdb_guard_end();
}

bool
lmdb_verify(struct lmdb_file *f, bool all)
{
	if (lmdb_table(f, LMDB_META, false) != NULL)
		verify_format(f);
	if (all && f->rc == 0)
		verify_tables(f);
	return f->rc == 0;
}
