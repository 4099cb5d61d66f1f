/*
 * lmdb_file: see lmdb_file.h. Every call that may read a page of the file runs
 * under the guard (lmdb_guard.h).
 */
#include "common/lmdb/lmdb_file.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/lmdb/lmdb_guard.h"
#include "common/lmdb/lmdb_lock.h"
#include "common/lmdb/lmdb_seal.h"
#include "common/os/file.h"
#include "common/os/notify.h"
#include "common/os/thread.h"

/* The key of the digest in LMDB_META. */
#define DIGEST_KEY "digest"
/* The length of the checksum before each value. */
#define SUM_LEN sizeof(uint64_t)
/* A file system with less free space than this counts as full. */
#define FULL_BYTES ((unsigned long long)1 << 20)
/* The most bytes of a copy between two commits. */
#define COPIED_AT_ONCE ((size_t)4 << 20)

struct lmdb_table {
	struct lmdb_file *file;
	char *name;
	uint64_t seed; /* for its checksums, made from the name */
	MDB_dbi dbi;
	lmdb_change_fn *changed; /* NULL: nobody watches */
	void *changed_ctx;
};

struct lmdb_file {
	const struct lmdb_kind *kind;
	char *path;
	size_t limit; /* maximum size in bytes */
	bool shared;
	int lock; /* lmdb_lock.h; -1: none */
	MDB_env *env;
	int fd;       /* of the file, LMDB's own; -1: not open */
	MDB_txn *txn; /* NULL: not begun since the last commit */
	bool writes;  /* the transaction can change something */
	bool changed; /* and has */
	uint64_t sum; /* if changed: the digest's sum with these changes */
	struct lmdb_table *tables[LMDB_TABLES];
	size_t tables_n;
	struct lmdb_table *meta;
	int64_t verified_ms; /* when all of it was verified; 0: unknown */

	/* The commit that runs: txn and `committed` belong to the thread until
	 * that is joined. */
	bool committing,
	    threaded; /* not threaded: no thread could be started */
	pthread_t thread;
	int committed; /* its result, LMDB's number */
	atomic_bool done;

	int rc;           /* the first error: LMDB's number, or an errno */
	char reason[160]; /* what is damaged; if empty, rc explains it */
	char *crash;      /* reports a crash inside LMDB */
};

static MDB_val
bytes_of(const void *p, size_t len)
{
	return (MDB_val){ len, (void *)(uintptr_t)p };
}

static MDB_val
text_of(const char *text)
{
	return bytes_of(text, strlen(text));
}

/* ---- errors ---- */

void
lmdb_fail(struct lmdb_file *f, int err)
{
	if (f->rc == 0)
		f->rc = err;
}

void
lmdb_fail_damaged(struct lmdb_file *f, const char *fmt, ...)
{
	va_list ap;

	if (f->rc != 0)
		return;
	f->rc = MDB_CORRUPTED;
	va_start(ap, fmt);
	(void)vsnprintf(f->reason, sizeof f->reason, fmt, ap);
	va_end(ap);
}

bool
lmdb_failed(const struct lmdb_file *f)
{
	return f->rc != 0;
}

static bool
has_file_size_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	       limit.rlim_cur != RLIM_INFINITY;
}

/* LMDB reports EIO for a short write, whose cause is usually a full disk or a
 * limit. Returns the real errno, determined by the file system of path. */
static int
real_errno(int err, const char *path)
{
	struct statvfs fs;

	if (err != EIO)
		return err;
	if (statvfs(path, &fs) == 0 &&
	    (unsigned long long)fs.f_bavail * fs.f_frsize < FULL_BYTES)
		return ENOSPC;
	return has_file_size_limit() ? EFBIG : EIO;
}

enum exit_code
lmdb_explain(const struct lmdb_file *f, struct buf *why)
{
	const char *name = f->kind->name, *way_out = f->kind->way_out;

	switch (f->rc) {
	case 0:
		return PROG_OK;
	case MDB_MAP_FULL:
		buf_setf(why, "%s '%s' is full at %zu MiB; %s", name, f->path,
		    f->limit >> 20, f->kind->full);
		return PROG_IO;
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
		buf_setf(why, "%s '%s' was written by another version; %s",
		    name, f->path, way_out);
		return f->kind->damaged;
	case MDB_READERS_FULL:
		buf_setf(why, "too many processes read %s '%s'; try again",
		    name, f->path);
		return PROG_TEMPFAIL;
	case EINVAL: /* LMDB's error for some corrupt pages */
		break;
	default:
		/* Without a limit, no page that LMDB chooses is too far away
		 * for the file system: the number of a free page is wrong. */
		if (f->rc > 0 && (f->rc != EFBIG || has_file_size_limit())) {
			errno = real_errno(f->rc, f->path);
			return syserr_explain(why, PROG_CANTCREATE,
			    "cannot use %s '%s'", name, f->path);
		}
	}
	buf_setf(why, "%s '%s' is damaged: %s; %s", name, f->path,
	    f->reason[0] != '\0' ? f->reason : mdb_strerror(f->rc), way_out);
	return f->kind->damaged;
}

static void
on_assertion(MDB_env *env, const char *text)
{
	(void)env;
	lmdb_guard_assertion(text);
}

static void
guard_begin(const struct lmdb_file *f)
{
	lmdb_guard_begin(f->crash, f->kind->damaged);
}

/* ---- checksums and the digest ---- */

/* The value of DIGEST_KEY. */
struct digest {
	uint64_t sum;    /* checksums of all entries, added modulo 2^64 */
	uint64_t number; /* LMDB's number of the commit */
};

/* Returns the seed of a table's checksums. */
static uint64_t
seed_of(const char *table)
{
	return checksum(0, table, strlen(table));
}

static uint64_t
sum_of(uint64_t seed, const MDB_val *key, const void *data, size_t len)
{
	return checksum(checksum(seed, key->mv_data, key->mv_size), data, len);
}

/* Returns the checksum before a stored value, 0 if it is too short for one. */
static uint64_t
stored_sum(const MDB_val *stored)
{
	uint64_t sum = 0;

	if (stored->mv_size >= SUM_LEN)
		memcpy(&sum, stored->mv_data, SUM_LEN);
	return sum;
}

/* Moves *v past its checksum; returns false if that does not match. */
static bool
unwrap(uint64_t seed, const MDB_val *key, MDB_val *v)
{
	uint64_t sum = stored_sum(v);

	if (v->mv_size < SUM_LEN)
		return false;
	v->mv_data = (char *)v->mv_data + SUM_LEN;
	v->mv_size -= SUM_LEN;
	return sum == sum_of(seed, key, v->mv_data, v->mv_size);
}

/* Writes a value behind its checksum, without touching the digest. */
static int
put_entry(const struct lmdb_table *t, MDB_val *key, uint64_t sum,
    const void *data, size_t len)
{
	MDB_val room = { SUM_LEN + len, NULL };
	int rc = mdb_put(t->file->txn, t->dbi, key, &room, MDB_RESERVE);

	if (rc != 0)
		return rc;
	memcpy(room.mv_data, &sum, SUM_LEN);
	if (len > 0)
		memcpy((char *)room.mv_data + SUM_LEN, data, len);
	return 0;
}

/* For entries of LMDB_META. */
static bool
is_digest_key(const void *key, size_t len)
{
	return len == strlen(DIGEST_KEY) && memcmp(key, DIGEST_KEY, len) == 0;
}

/* Stores the sum in the transaction that commits these entries. */
static int
put_digest(struct lmdb_file *f)
{
	struct digest d = { f->sum, mdb_txn_id(f->txn) };
	MDB_val key = text_of(DIGEST_KEY);

	return put_entry(f->meta, &key,
	    sum_of(f->meta->seed, &key, &d, sizeof d), &d, sizeof d);
}

/* Reads the digest of the last commit; false if it is damaged. */
static bool
get_digest(const struct lmdb_file *f, struct digest *d)
{
	MDB_val key = text_of(DIGEST_KEY), v;

	if (mdb_get(f->txn, f->meta->dbi, &key, &v) != 0 ||
	    !unwrap(f->meta->seed, &key, &v) || v.mv_size != sizeof *d)
		return false;
	memcpy(d, v.mv_data, sizeof *d);
	return true;
}

/* Corrects the digest's sum, which the first change of a transaction reads.
 * old: the stored value that a change replaces; NULL: none. sum: the checksum
 * of the new value; 0: none. */
static int
count_change(struct lmdb_file *f, const MDB_val *old, uint64_t sum)
{
	struct digest d = { 0, 0 };
	uint64_t last;
	int rc = 0;

	if (!f->changed) {
		last = mdb_txn_id(f->txn) - 1;
		if ((last > 0 && !get_digest(f, &d)) || d.number != last)
			rc = MDB_CORRUPTED;
		f->sum = d.sum;
	}
	f->changed = true;
	f->sum += sum - (old != NULL ? stored_sum(old) : 0);
	return rc;
}

/* ---- transactions ---- */

struct lmdb_file *
lmdb_new(
    const struct lmdb_kind *kind, const char *path, size_t limit, bool shared)
{
	struct lmdb_file *f = xcalloc(1, sizeof *f);

	f->kind = kind;
	f->path = xstrdup(path);
	f->limit = limit;
	f->shared = shared;
	f->lock = f->fd = -1;
	f->crash = xasprintf("%s '%s' is damaged: it is truncated, or has "
			     "wrong pages; %s",
	    kind->name, path, kind->way_out);
	return f;
}

bool
lmdb_open(struct lmdb_file *f)
{
	/* Any thread may use a transaction that another one began. */
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS;
	int rc = 0, dead;

	if (!f->shared)
		flags |= MDB_NORDAHEAD | MDB_NOLOCK;
	else if ((f->lock = lmdb_lock_open(f->path)) < 0)
		rc = errno;
	if (rc == 0)
		rc = mdb_env_create(&f->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(f->env, LMDB_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(f->env, f->limit);
	if (rc == 0)
		rc = mdb_env_set_assert(f->env, on_assertion);
	guard_begin(f);
	if (rc == 0)
		rc = mdb_env_open(f->env, f->path, flags, 0600);
	if (rc == 0)
		rc = mdb_env_get_fd(f->env, &f->fd);
	if (rc == 0 && f->shared)
		/* Removes readers of killed processes. */
		rc = mdb_reader_check(f->env, &dead);
	lmdb_guard_end();
	if (rc != 0)
		lmdb_fail(f, rc);
	return f->rc == 0;
}

/* Waits for a running commit. */
static void
join_commit(struct lmdb_file *f)
{
	if (!f->committing)
		return;
	if (f->threaded)
		(void)pthread_join(f->thread, NULL);
	f->committing = false;
	f->txn = NULL;
	if (f->committed != 0)
		lmdb_fail(f, f->committed);
}

void
lmdb_abort(struct lmdb_file *f)
{
	join_commit(f);
	if (f->txn != NULL && f->writes)
		mdb_txn_abort(f->txn);
	else if (f->txn != NULL) /* keeps the tables that it opened */
		(void)mdb_txn_commit(f->txn);
	f->txn = NULL;
	f->changed = false;
}

static bool
begin_transaction(struct lmdb_file *f, bool writes)
{
	unsigned flags = writes ? 0 : MDB_RDONLY;
	int rc;

	join_commit(f);
	if (f->rc != 0)
		return false;
	if (f->txn != NULL && (f->writes || !writes))
		return true;
	lmdb_abort(f);
	guard_begin(f);
	rc = mdb_txn_begin(f->env, NULL, flags, &f->txn);
	lmdb_guard_end();
	f->writes = writes;
	if (rc != 0) {
		f->txn = NULL;
		lmdb_fail(f, rc);
	}
	return rc == 0;
}

/* Begins a transaction unless one is open: one that writes in a file that is
 * used alone. Returns false after an error. */
static bool
begin(struct lmdb_file *f)
{
	return begin_transaction(f, !f->shared);
}

bool
lmdb_begin_changes(struct lmdb_file *f)
{
	return begin_transaction(f, true);
}

bool
lmdb_is_new(struct lmdb_file *f)
{
	return begin(f) && mdb_txn_id(f->txn) == (f->writes ? 1 : 0);
}

/* Returns the number of the last commit. */
static uint64_t
last_commit(const struct lmdb_file *f)
{
	MDB_envinfo info;
	int rc;

	guard_begin(f);
	rc = mdb_env_info(f->env, &info);
	lmdb_guard_end();
	return rc == 0 ? info.me_last_txnid : 0;
}

/* After an error, the next lmdb_verify() reads everything. */
static void
seal_or_unseal(const struct lmdb_file *f)
{
	if (f->rc != 0)
		lmdb_seal_remove(f->fd);
	else if (f->verified_ms != 0)
		lmdb_seal_set(f->fd, last_commit(f), f->verified_ms);
}

void
lmdb_close(struct lmdb_file *f)
{
	size_t i;

	if (f == NULL)
		return;
	lmdb_abort(f);
	if (f->fd >= 0)
		seal_or_unseal(f);
	if (f->env != NULL)
		mdb_env_close(f->env);
	/* Earlier, this would release LMDB's own locks of the same file. */
	if (f->lock >= 0)
		(void)close(f->lock);
	for (i = 0; i < f->tables_n; i++) {
		free(f->tables[i]->name);
		free(f->tables[i]);
	}
	free(f->path);
	free(f->crash);
	free(f);
}

/* Writes the digest of the changes. Returns false if there is nothing to
 * commit. */
static bool
prepare_commit(struct lmdb_file *f)
{
	int rc = 0;

	join_commit(f);
	if (f->rc != 0 || f->txn == NULL || !f->writes ||
	    (!f->changed && !f->shared))
		return false;
	guard_begin(f);
	if (!f->changed)
		rc = count_change(f, NULL, 0);
	if (rc == 0)
		rc = put_digest(f);
	lmdb_guard_end();
	if (rc != 0)
		lmdb_fail(f, rc);
	return rc == 0;
}

static void *
commit_main(void *ctx)
{
	struct lmdb_file *f = ctx;

	guard_begin(f);
	f->committed = mdb_txn_commit(f->txn);
	lmdb_guard_end();
	atomic_store(&f->done, true);
	return NULL;
}

static void
start_commit(struct lmdb_file *f, bool threaded)
{
	struct buf why = BUF_INIT;

	if (!prepare_commit(f))
		return;
	f->changed = false;
	f->committing = true;
	atomic_store(&f->done, false);
	f->threaded = threaded && thread_start(&f->thread, "commit",
				      commit_main, f, &why) == PROG_OK;
	if (!f->threaded) /* perhaps too little memory or too many threads */
		(void)commit_main(f);
	buf_release(&why);
}

void
lmdb_commit_begin(struct lmdb_file *f)
{
	start_commit(f, true);
}

bool
lmdb_commit_done(const struct lmdb_file *f)
{
	return !f->committing || atomic_load(&f->done);
}

bool
lmdb_commit_finish(struct lmdb_file *f)
{
	join_commit(f);
	return f->rc == 0;
}

bool
lmdb_commit(struct lmdb_file *f)
{
	start_commit(f, false);
	return lmdb_commit_finish(f);
}

void
lmdb_recover(struct lmdb_file *f)
{
	lmdb_abort(f);
	if ((f->rc > 0 && f->rc != EINVAL) || f->rc == MDB_MAP_FULL ||
	    f->rc == MDB_TXN_FULL || f->rc == MDB_READERS_FULL)
		f->rc = 0;
}

/* ---- tables and their entries ---- */

struct lmdb_table *
lmdb_table(struct lmdb_file *f, const char *name, bool make)
{
	struct lmdb_table *t;
	int rc = MDB_DBS_FULL;
	MDB_dbi dbi = 0;
	size_t i;

	for (i = 0; i < f->tables_n; i++)
		if (strcmp(f->tables[i]->name, name) == 0)
			return f->tables[i];
	if (!begin(f))
		return NULL;
	guard_begin(f);
	if (f->tables_n < LMDB_TABLES)
		rc = mdb_dbi_open(f->txn, name, make ? MDB_CREATE : 0, &dbi);
	lmdb_guard_end();
	if (rc == MDB_NOTFOUND)
		lmdb_fail_damaged(f, "it lacks its table '%s'", name);
	if (rc != 0) {
		lmdb_fail(f, rc);
		return NULL;
	}
	t = xcalloc(1, sizeof *t);
	t->file = f;
	t->name = xstrdup(name);
	t->seed = seed_of(name);
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
	if (unwrap(t->seed, key, v))
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
	MDB_val k = bytes_of(key, key_len), v;
	int rc;

	if (!begin(f))
		return false;
	guard_begin(f);
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

static bool
is_stored(const MDB_val *stored, uint64_t sum, const void *data, size_t len)
{
	return stored->mv_size == SUM_LEN + len &&
	       memcmp(stored->mv_data, &sum, SUM_LEN) == 0 &&
	       (len == 0 || memcmp((const char *)stored->mv_data + SUM_LEN,
				data, len) == 0);
}

void
lmdb_watch(struct lmdb_table *t, lmdb_change_fn *changed, void *ctx)
{
	t->changed = changed;
	t->changed_ctx = ctx;
}

/* data NULL: the entry is deleted. */
static void
report_change(const struct lmdb_table *t, const MDB_val *key, const void *data,
    size_t len)
{
	if (t->changed != NULL)
		t->changed(
		    t->changed_ctx, key->mv_data, key->mv_size, data, len);
}

void
lmdb_put(struct lmdb_table *t, const void *key, size_t key_len,
    const void *data, size_t len)
{
	struct lmdb_file *f = t->file;
	MDB_val k = bytes_of(key, key_len), old;
	uint64_t sum;
	int rc;

	if (!begin(f))
		return;
	sum = sum_of(t->seed, &k, data, len);
	guard_begin(f);
	rc = mdb_get(f->txn, t->dbi, &k, &old);
	/* If the value is the same, its page need not be written. */
	if (rc == MDB_NOTFOUND ||
	    (rc == 0 && !is_stored(&old, sum, data, len))) {
		rc = count_change(f, rc == 0 ? &old : NULL, sum);
		if (rc == 0)
			rc = put_entry(t, &k, sum, data, len);
		report_change(t, &k, len > 0 ? data : "", len);
	}
	lmdb_guard_end();
	if (rc != 0)
		lmdb_fail(f, rc);
}

void
lmdb_delete(struct lmdb_table *t, const void *key, size_t key_len)
{
	struct lmdb_file *f = t->file;
	MDB_val k = bytes_of(key, key_len), old;
	int rc;

	if (!begin(f))
		return;
	guard_begin(f);
	rc = mdb_get(f->txn, t->dbi, &k, &old);
	if (rc == 0)
		rc = count_change(f, &old, 0);
	if (rc == 0)
		rc = mdb_del(f->txn, t->dbi, &k, NULL);
	if (rc == 0)
		report_change(t, &k, NULL, 0);
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
		*key = bytes_of(prefix, len);
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

	if (max == 0 || !begin(f))
		return 0;
	guard_begin(f);
	rc = mdb_cursor_open(f->txn, t->dbi, &c);
	if (rc == 0) {
		rc = step_cursor(c, MDB_SET_RANGE, prefix, len, &key, &data);
		while (rc == 0 && (end == NULL ||
				      mdb_cmp(f->txn, t->dbi, &key, end) < 0)) {
			rc = count_change(f, &data, 0);
			/* The deletion may overwrite the key. */
			report_change(t, &key, NULL, 0);
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
	const MDB_val end = bytes_of(key, key_len);

	return delete_entries(t, prefix, len, &end, max);
}

/* Moves a cursor to the first entry with the prefix whose key is greater than
 * `after`; NULL: to the first one. */
static int
begin_cursor(MDB_cursor *c, const void *prefix, size_t len,
    const MDB_val *after, MDB_val *key, MDB_val *data)
{
	int rc;

	if (after == NULL)
		return step_cursor(c, MDB_SET_RANGE, prefix, len, key, data);
	*key = *after;
	rc = mdb_cursor_get(c, key, data, MDB_SET_RANGE);
	if (rc != 0)
		return rc;
	if (key->mv_size == after->mv_size &&
	    memcmp(key->mv_data, after->mv_data, after->mv_size) == 0)
		return step_cursor(c, MDB_NEXT, prefix, len, key, data);
	return key->mv_size >= len && memcmp(key->mv_data, prefix, len) == 0
		   ? 0
		   : MDB_NOTFOUND;
}

static void
each_entry(struct lmdb_table *t, const void *prefix, size_t len,
    const MDB_val *after, lmdb_entry_fn *entry, void *ctx)
{
	struct lmdb_file *f = t->file;
	MDB_val key, v;
	MDB_cursor *c;
	bool more;
	int rc;

	if (!begin(f))
		return;
	guard_begin(f);
	rc = mdb_cursor_open(f->txn, t->dbi, &c);
	if (rc == 0) {
		rc = begin_cursor(c, prefix, len, after, &key, &v);
		while (rc == 0 && unwrap_value(t, &key, &v)) {
			notify_alive(); /* This may take minutes. */
			lmdb_guard_end();
			more = entry(ctx, key.mv_data, key.mv_size, v.mv_data,
			    v.mv_size);
			guard_begin(f);
			if (!more || f->rc != 0)
				break;
			rc = step_cursor(c, MDB_NEXT, prefix, len, &key, &v);
		}
		mdb_cursor_close(c);
	}
	lmdb_guard_end();
	if (rc != 0 && rc != MDB_NOTFOUND)
		lmdb_fail(f, rc);
}

void
lmdb_each(struct lmdb_table *t, const void *prefix, size_t len,
    lmdb_entry_fn *entry, void *ctx)
{
	each_entry(t, prefix, len, NULL, entry, ctx);
}

static bool
find_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	bool *found = ctx;

	(void)key;
	(void)key_len;
	(void)data;
	(void)len;
	*found = true;
	return false;
}

bool
lmdb_any(struct lmdb_table *t)
{
	bool found = false;

	lmdb_each(t, NULL, 0, find_entry, &found);
	return found;
}

void
lmdb_each_after(struct lmdb_table *t, const void *prefix, size_t len,
    const void *key, size_t key_len, lmdb_entry_fn *entry, void *ctx)
{
	const MDB_val after = bytes_of(key, key_len);

	each_entry(t, prefix, len, &after, entry, ctx);
}

void
lmdb_begin_file(struct lmdb_file *f)
{
	struct lmdb_table *meta = lmdb_table(f, LMDB_META, true);

	if (meta != NULL)
		lmdb_put(meta, "format", strlen("format"), f->kind->format,
		    strlen(f->kind->format));
}

/* ---- verification ---- */

/* Lists the names of all tables, owned by the caller; returns their number. */
static size_t
list_tables(struct lmdb_file *f, char *names[LMDB_TABLES])
{
	MDB_cursor *c = NULL;
	MDB_dbi all = 0;
	MDB_val key;
	size_t n = 0;
	int rc;

	if (!begin(f))
		return 0;
	guard_begin(f);
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

/* True if the entry follows the previous one, and a search finds both where
 * inner pages separate them. */
static bool
is_in_place(const struct verify *v, const MDB_val *key, const MDB_val *stored)
{
	bool first = v->last.mv_data == NULL;

	if (!first && mdb_cmp(v->txn, v->dbi, &v->last, key) >= 0)
		return false;
	if (!first && (uintptr_t)key->mv_data / v->page ==
			  (uintptr_t)v->last.mv_data / v->page)
		return true;
	return is_found(v, key, stored->mv_data) &&
	       (first || is_found(v, &v->last, NULL));
}

static const char *
verify_entries(struct verify *v, MDB_cursor *c, size_t entries, uint64_t *sum)
{
	MDB_val key, stored, value;
	int rc;

	while ((rc = mdb_cursor_get(c, &key, &stored, MDB_NEXT)) == 0) {
		notify_alive(); /* A large file may take minutes. */
		value = stored;
		if (!unwrap(v->seed, &key, &value))
			return "has an entry that does not match its checksum";
		if (!is_in_place(v, &key, &stored))
			return "is out of order";
		if (!v->meta || !is_digest_key(key.mv_data, key.mv_size))
			*sum += stored_sum(&stored);
		v->last = key;
		v->n++;
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
		.seed = seed_of(table) };
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

/* Verifies the sum of all entries, and that they are those of the last
 * commit. */
static void
verify_digest(struct lmdb_file *f, uint64_t sum)
{
	struct digest d;

	guard_begin(f);
	if (!get_digest(f, &d) || d.sum != sum ||
	    d.number != mdb_txn_id(f->txn) - (f->writes ? 1 : 0))
		lmdb_fail_damaged(
		    f, "its entries do not match its last commit");
	lmdb_guard_end();
}

static void
verify_tables(struct lmdb_file *f)
{
	char *names[LMDB_TABLES];
	size_t i, n = list_tables(f, names);
	const char *why;
	uint64_t sum = 0;

	for (i = 0; i < n; i++) {
		guard_begin(f);
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
	MDB_val key = text_of("format"), v;
	const char *text;

	guard_begin(f);
	if (mdb_get(f->txn, f->meta->dbi, &key, &v) != 0 ||
	    v.mv_size < SUM_LEN + name) {
		lmdb_fail_damaged(f, "its description is missing");
	} else {
		text = (const char *)v.mv_data + SUM_LEN;
		if (memcmp(text, want, name) != 0)
			lmdb_fail_damaged(f, "it is not a %s", f->kind->name);
		else if (v.mv_size != SUM_LEN + len ||
			 memcmp(text, want, len) != 0)
			lmdb_fail(f, MDB_VERSION_MISMATCH);
	}
	lmdb_guard_end();
}

/* Verifies all entries, unless the seal of the file holds. */
static void
verify_if_due(struct lmdb_file *f)
{
	int64_t now = clock_now_ms();

	f->verified_ms = lmdb_seal_get(f->fd, last_commit(f));
	if (f->verified_ms != 0)
		return;
	verify_tables(f);
	if (f->rc == 0)
		f->verified_ms = now;
}

bool
lmdb_verify(struct lmdb_file *f, bool all)
{
	if (lmdb_table(f, LMDB_META, false) != NULL)
		verify_format(f);
	if (all && f->rc == 0)
		verify_if_due(f);
	return f->rc == 0;
}

/* ---- a copy without deleted data ---- */

struct copying {
	struct lmdb_table *to;
	size_t bytes; /* since the last commit */
};

/* LMDB keeps the pages of a transaction in memory, so the copy takes several.
 * It has another name until it is complete. */
static bool
copy_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct copying *c = ctx;
	struct lmdb_table *to = c->to;

	/* The new file makes its own digest. */
	if (to != to->file->meta || !is_digest_key(key, key_len))
		lmdb_put(to, key, key_len, data, len);
	c->bytes += key_len + len;
	if (c->bytes > COPIED_AT_ONCE) {
		(void)lmdb_commit(to->file);
		c->bytes = 0;
	}
	return to->file->rc == 0;
}

static void
copy_tables(struct lmdb_file *from, struct lmdb_file *to)
{
	char *names[LMDB_TABLES];
	size_t i, n = list_tables(from, names);
	struct copying c = { NULL, 0 };

	(void)lmdb_table(to, LMDB_META, true);
	for (i = 0; i < n; i++) {
		struct lmdb_table *old = lmdb_table(from, names[i], false);

		c.to = lmdb_table(to, names[i], true);
		if (old != NULL && c.to != NULL)
			lmdb_each(old, NULL, 0, copy_entry, &c);
		free(names[i]);
	}
}

bool
lmdb_install(struct lmdb_file *f, const char *path)
{
	if (lmdb_commit(f) && file_rename(f->path, path) != 0)
		lmdb_fail(f, errno);
	return f->rc == 0;
}

bool
lmdb_rewrite(struct lmdb_file *f)
{
	char *path = xasprintf("%s.new", f->path);
	struct lmdb_file *new = lmdb_new(f->kind, path, f->limit, false);

	if (f->lock >= 0 && !lmdb_lock_alone(f->lock))
		lmdb_fail(new, EBUSY);
	else if (unlink(path) != 0 && errno != ENOENT)
		lmdb_fail(new, errno);
	if (new->rc == 0 && lmdb_open(new))
		copy_tables(f, new);
	if (f->rc == 0)
		(void)lmdb_install(new, f->path);
	if (new->rc != 0 && f->rc == 0) {
		lmdb_fail(f, new->rc);
		memcpy(f->reason, new->reason, sizeof f->reason);
	}
	if (f->rc != 0)
		(void)unlink(path);
	lmdb_close(new);
	free(path);
	return f->rc == 0;
}
