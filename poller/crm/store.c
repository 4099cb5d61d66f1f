/*
 * store: see store.h. Changes stay in memory until they are committed, so that
 * the commit can be repeated with a larger map if that is too small. Reading
 * uses one transaction, which each commit ends.
 */
#include "poller/crm/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/os/file.h"
#include "common/os/lmdb_file.h"

#define STORE_FORMAT 6
#define MAP_MIN ((size_t)16 * 1024 * 1024)
/* Size of LMDB's lock file, with its table of readers. */
#define LOCK_BYTES 65536

static const char *const table_names[STORE_TABLES] = { LMDB_META, "chats",
	"lines", "keys" };

const struct store_kind store_of_tenant = { "state",
	"remove it; the next poll then reads everything" };
const struct store_kind store_of_requests = { "spool",
	"move it away to start with an empty spool" };

/* A change that is not committed yet. */
struct store_change {
	enum store_table table;
	char *key;
	void *data; /* NULL: delete */
	size_t len;
};

struct store {
	const struct store_kind *kind;
	char *path, *damage; /* damage: the message about a damaged file */
	int lock;            /* -1: shared */
	MDB_env *env;
	MDB_dbi dbi[STORE_TABLES];
	uint64_t seeds[STORE_TABLES]; /* for checksums */
	MDB_txn *reader;              /* NULL: none open */
	bool emptied; /* a change: before the others, the tables are emptied */
	struct store_change *changes;
	size_t changes_n, changes_cap, pending;
	bool lost;
	struct buf scratch;
};

/* Borrows the text. */
static MDB_val
text_key(const char *key)
{
	return (MDB_val){ strlen(key), (void *)(uintptr_t)key };
}

void
store_forget_changes(struct store *s)
{
	size_t i;

	for (i = 0; i < s->changes_n; i++) {
		free(s->changes[i].key);
		free(s->changes[i].data);
	}
	s->changes_n = s->pending = 0;
	s->emptied = false;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->reader != NULL)
		mdb_txn_abort(s->reader);
	if (s->env != NULL)
		mdb_env_close(s->env);
	lock_release(s->lock);
	store_forget_changes(s);
	free(s->changes);
	free(s->path);
	free(s->damage);
	buf_release(&s->scratch);
	free(s);
}

/* Returns the exit code for an error of LMDB or the system, and explains the
 * error in *why. */
static enum exit_code
explain_store_error(const struct store *s, int rc, struct buf *why)
{
	const char *path = s->path, *name = s->kind->name;

	switch (rc) {
	case EINVAL: /* LMDB's error for corrupt pages */
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_PANIC:
	case MDB_BAD_TXN:
		buf_setf(why, "%s", s->damage);
		return PROG_IO;
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
		buf_setf(why, "%s '%s' has an unknown version; %s", name, path,
		    s->kind->way_out);
		return PROG_IO;
	default:
		break;
	}
	if (rc > 0) {
		errno = syserr_written(rc, path);
		return syserr_explain(
		    why, PROG_CANTCREATE, "cannot use %s '%s'", name, path);
	}
	buf_setf(why, "cannot use %s '%s': %s; check its folder", name, path,
	    mdb_strerror(rc));
	return PROG_IO;
}

/* Allocates LMDB's lock file: the file is mapped, and on a full disk, a write
 * to an unallocated page would kill the process. */
static int
reserve_lock_file(const char *path)
{
	char *name = xasprintf("%s-lock", path);
	int fd = file_open(name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	struct stat st;
	int rc = 0;

	if (fd < 0 || fstat(fd, &st) != 0)
		rc = errno;
	else if (st.st_size < LOCK_BYTES)
		rc = posix_fallocate(fd, 0, LOCK_BYTES);
	if (fd >= 0)
		(void)close(fd);
	free(name);
	return rc;
}

static size_t
map_size(const char *path)
{
	struct stat st;
	size_t want = MAP_MIN;

	if (stat(path, &st) != 0)
		return want;
	while (want < (size_t)st.st_size * 2)
		want *= 2;
	return want;
}

/* Stores a value and corrects *sum, the sum of all checksums. data NULL:
 * deletes it. */
static int
change_entry(struct store *s, MDB_txn *txn, enum store_table t, MDB_val *key,
    const void *data, size_t len, uint64_t *sum)
{
	MDB_val old;
	uint64_t new;
	int rc = mdb_get(txn, s->dbi[t], key, &old);

	if (rc == 0)
		*sum -= lmdb_stored_sum(&old);
	else if (rc != MDB_NOTFOUND)
		return rc;
	if (data == NULL)
		return rc == 0 ? mdb_del(txn, s->dbi[t], key, NULL) : 0;
	new = lmdb_sum(s->seeds[t], key, data, len);
	*sum += new;
	return lmdb_put(txn, s->dbi[t], key, new, data, len);
}

static int
put_format(struct store *s, MDB_txn *txn)
{
	int64_t format = STORE_FORMAT;
	MDB_val key = text_key("format");
	uint64_t sum = 0;
	int rc = change_entry(
	    s, txn, STORE_META, &key, &format, sizeof format, &sum);

	return rc == 0 ? lmdb_put_digest(txn, s->dbi[STORE_META], sum) : rc;
}

static int
check_format(const struct store *s, MDB_txn *txn)
{
	int64_t format = STORE_FORMAT;
	MDB_val key = text_key("format"), v;
	int rc = mdb_get(txn, s->dbi[STORE_META], &key, &v);

	if (rc != 0)
		return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
	/* Damage is found later; another version may have no checksums. */
	(void)lmdb_unwrap(s->seeds[STORE_META], &key, &v);
	return v.mv_size == sizeof format &&
		       memcmp(v.mv_data, &format, sizeof format) == 0
		   ? 0
		   : MDB_VERSION_MISMATCH;
}

/* Reads everything, so that damage is found before it is used. */
static int
verify_content(struct store *s, MDB_txn *txn, uint64_t commits)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < STORE_TABLES; i++)
		if (lmdb_verify_table(txn, table_names[i], &sum) != NULL)
			return MDB_CORRUPTED;
	return lmdb_verify_digest(txn, s->dbi[STORE_META], sum, commits)
		   ? 0
		   : MDB_CORRUPTED;
}

/* Opens the tables and verifies their content, or creates those of a file in
 * which nothing was ever committed: if tables are missing later, they were
 * lost. */
static int
open_tables(
    struct store *s, MDB_txn *txn, uint64_t commits, enum store_access access)
{
	bool new = commits == 0;
	int rc = 0, i;

	for (i = 0; rc == 0 && i < STORE_TABLES; i++) {
		s->seeds[i] = lmdb_seed(table_names[i]);
		rc = mdb_dbi_open(
		    txn, table_names[i], new ? MDB_CREATE : 0, &s->dbi[i]);
	}
	if (rc == MDB_NOTFOUND)
		return MDB_CORRUPTED;
	if (rc == 0)
		rc = new ? put_format(s, txn) : check_format(s, txn);
	if (rc == 0 && !new &&
	    (access == STORE_EXCLUSIVE || access == STORE_SHARED))
		rc = verify_content(s, txn, commits);
	return rc;
}

static int
open_lmdb(MDB_env **env, const char *path, unsigned flags)
{
	int rc = mdb_env_create(env);

	if (rc != 0)
		return rc;
	lmdb_guard_env(*env);
	rc = mdb_env_set_maxdbs(*env, STORE_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(*env, map_size(path));
	if (rc == 0)
		rc = mdb_env_open(*env, path, MDB_NOSUBDIR | flags, 0600);
	return rc;
}

/* Begins a transaction that reads, or one that writes if the file is new: a
 * writer would wait for other processes, for example for a poll that is
 * stopped. *commits: the number of commits that it sees. */
static int
begin_open(struct store *s, MDB_txn **txn, uint64_t *commits)
{
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, txn);

	if (rc != 0)
		return rc;
	*commits = mdb_txn_id(*txn);
	if (*commits > 0)
		return 0;
	mdb_txn_abort(*txn);
	rc = mdb_txn_begin(s->env, NULL, 0, txn);
	if (rc == 0)
		*commits = mdb_txn_id(*txn) - 1;
	return rc;
}

static int
open_env(struct store *s, enum store_access access)
{
	MDB_txn *txn;
	uint64_t commits;
	int rc = open_lmdb(&s->env, s->path, 0), dead;

	if (rc == 0)
		/* Removes readers of killed polls. */
		rc = mdb_reader_check(s->env, &dead);
	if (rc == 0)
		rc = begin_open(s, &txn, &commits);
	if (rc != 0)
		return rc;
	rc = open_tables(s, txn, commits, access);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static int
lock_tenant_state(struct store *s, const char *dir, const char *tenant,
    enum exit_code *code, struct buf *why)
{
	char *name = xasprintf("%s/%s.lock", dir, tenant);

	s->lock = lock_take(name, why);
	if (s->lock < 0)
		*code = syserr_code(errno, PROG_CANTCREATE);
	free(name);
	return s->lock < 0 ? -1 : 0;
}

int
store_make_folder(const char *dir, enum exit_code *code, struct buf *why)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	*code = syserr_explain(
	    why, PROG_CANTCREATE, "cannot create the state folder '%s'", dir);
	return -1;
}

/* Returns 0, or an error code of LMDB or the system. */
static int
open_file(struct store *s, enum store_access access)
{
	int rc = reserve_lock_file(s->path);

	if (rc != 0)
		return rc;
	lmdb_guard_begin(s->damage, PROG_IO);
	rc = open_env(s, access);
	lmdb_guard_end();
	return rc;
}

bool
store_exists(const char *dir, const char *tenant)
{
	char *path = xasprintf("%s/%s.mdb", dir, tenant);
	bool there = access(path, F_OK) == 0;

	free(path);
	return there;
}

struct store *
store_open(const char *dir, const char *tenant, enum store_access access,
    enum exit_code *code, struct buf *why)
{
	return store_open_kind(
	    &store_of_tenant, dir, tenant, access, code, why);
}

struct store *
store_open_kind(const struct store_kind *kind, const char *dir,
    const char *tenant, enum store_access access, enum exit_code *code,
    struct buf *why)
{
	struct store *s = xcalloc(1, sizeof *s);
	int rc, err;

	s->kind = kind;
	s->lock = -1;
	s->path = xasprintf("%s/%s.mdb", dir, tenant);
	s->damage = xasprintf(
	    "%s '%s' is damaged; %s", kind->name, s->path, kind->way_out);
	if (store_make_folder(dir, code, why) != 0 ||
	    (access == STORE_EXCLUSIVE &&
		lock_tenant_state(s, dir, tenant, code, why) != 0)) {
		err = errno;
		store_close(s);
		errno = err;
		return NULL;
	}
	rc = open_file(s, access);
	if (rc == 0)
		return s;
	*code = explain_store_error(s, rc, why);
	store_close(s);
	errno = 0;
	return NULL;
}

/* Opens the read transaction if there is none. Another process may have
 * enlarged the map. Returns 0, or an error code. */
static int
read_begin(struct store *s)
{
	int rc;

	if (s->reader != NULL)
		return 0;
	rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->reader);
	if (rc == MDB_MAP_RESIZED && mdb_env_set_mapsize(s->env, 0) == 0)
		rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->reader);
	if (rc != 0)
		s->reader = NULL;
	return rc;
}

bool
store_get(struct store *s, enum store_table t, const char *key,
    const void **data, size_t *len)
{
	MDB_val k = text_key(key), v;
	bool got;

	lmdb_guard_begin(s->damage, PROG_IO);
	got = read_begin(s) == 0 &&
	      mdb_get(s->reader, s->dbi[t], &k, &v) == 0 &&
	      lmdb_unwrap(s->seeds[t], &k, &v);
	lmdb_guard_end();
	if (got) {
		*data = v.mv_data;
		*len = v.mv_size;
	}
	return got;
}

static void
end_read(struct store *s)
{
	if (s->reader != NULL)
		mdb_txn_abort(s->reader);
	s->reader = NULL;
}

static void
add_change(struct store *s, enum store_table t, const char *key,
    const void *data, size_t len)
{
	struct store_change *c;

	XGROW(s->changes, s->changes_n, s->changes_cap);
	c = &s->changes[s->changes_n++];
	*c = (struct store_change){ t, xstrdup(key), NULL, len };
	if (data != NULL) {
		c->data = xmalloc(len + 1);
		memcpy(c->data, data, len);
	}
	s->pending += len + strlen(key);
}

void
store_put(struct store *s, enum store_table t, const char *key,
    const void *data, size_t len)
{
	add_change(s, t, key, data, len);
}

void
store_delete(struct store *s, enum store_table t, const char *key)
{
	add_change(s, t, key, NULL, 0);
}

void
store_empty(struct store *s)
{
	s->emptied = true;
}

/* Gets the next entry. Returns 0, MDB_NOTFOUND, or an error code. */
static int
next_entry(const struct store *s, enum store_table t, MDB_cursor *cursor,
    MDB_val *k, MDB_val *v)
{
	int rc;

	lmdb_guard_begin(s->damage, PROG_IO);
	rc = mdb_cursor_get(cursor, k, v, MDB_NEXT);
	if (rc == 0 && !lmdb_unwrap(s->seeds[t], k, v))
		rc = MDB_CORRUPTED;
	lmdb_guard_end();
	return rc;
}

enum exit_code
store_each(struct store *s, enum store_table t,
    void (*entry)(void *ctx, const char *key, const void *data, size_t len),
    void *ctx, struct buf *why)
{
	MDB_cursor *cursor = NULL;
	MDB_val k, v;
	int rc = read_begin(s);

	if (rc == 0)
		rc = mdb_cursor_open(s->reader, s->dbi[t], &cursor);
	while (rc == 0 && (rc = next_entry(s, t, cursor, &k, &v)) == 0) {
		buf_clear(&s->scratch);
		buf_add(&s->scratch, k.mv_data, k.mv_size);
		entry(ctx, buf_str(&s->scratch), v.mv_data, v.mv_size);
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? PROG_OK : explain_store_error(s, rc, why);
}

size_t
store_pending(const struct store *s)
{
	return s->pending;
}

/* Drops whole tables, so that not even an unreadable entry remains. The digest
 * then covers the entries of STORE_META only. */
static int
empty_tables(struct store *s, MDB_txn *txn, uint64_t *sum)
{
	size_t i;
	int rc = 0;

	for (i = STORE_META + 1; rc == 0 && i < STORE_TABLES; i++)
		rc = mdb_drop(txn, s->dbi[i], 0);
	*sum = 0;
	if (rc == 0 && lmdb_verify_table(txn, LMDB_META, sum) != NULL)
		rc = MDB_CORRUPTED;
	return rc;
}

static int
write_changes(struct store *s, MDB_txn *txn)
{
	uint64_t sum = 0, number;
	size_t i;
	int rc = lmdb_get_digest(txn, s->dbi[STORE_META], &sum, &number);

	if (rc == 0 && s->emptied)
		rc = empty_tables(s, txn, &sum);
	for (i = 0; rc == 0 && i < s->changes_n; i++) {
		const struct store_change *c = &s->changes[i];
		MDB_val key = text_key(c->key);

		rc =
		    change_entry(s, txn, c->table, &key, c->data, c->len, &sum);
	}
	return rc == 0 ? lmdb_put_digest(txn, s->dbi[STORE_META], sum) : rc;
}

static int
commit_once(struct store *s)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = write_changes(s, txn);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static int
grow_store_map(struct store *s)
{
	MDB_envinfo info;
	int rc = mdb_env_info(s->env, &info);

	return rc != 0 ? rc : mdb_env_set_mapsize(s->env, info.me_mapsize * 2);
}

enum exit_code
store_commit(struct store *s, struct buf *why)
{
	int rc;

	if (s->lost)
		return explain_store_error(s, MDB_PANIC, why);
	/* An open reader would prevent LMDB from reusing old pages. */
	end_read(s);
	lmdb_guard_begin(s->damage, PROG_IO);
	for (;;) {
		rc = commit_once(s);
		if (rc == MDB_MAP_FULL)
			rc = grow_store_map(s);
		else if (rc == MDB_MAP_RESIZED)
			rc = mdb_env_set_mapsize(s->env, 0);
		else
			break;
		if (rc != 0)
			break;
	}
	lmdb_guard_end();
	if (rc == EINVAL ||
	    (rc < 0 && rc != MDB_MAP_FULL && rc != MDB_TXN_FULL))
		s->lost = true;
	if (rc != 0)
		return explain_store_error(s, rc, why);
	store_forget_changes(s);
	return PROG_OK;
}

bool
store_is_lost(const struct store *s)
{
	return s->lost;
}

const char *
store_damage(const struct store *s)
{
	return s->damage;
}

/* Copies the live pages to a new file. Returns 0, or an error code. */
static int
copy_live_pages(struct store *s, const char *new)
{
	int fd =
	    file_open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return errno;
	rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
	if (rc == 0 && fsync(fd) != 0)
		rc = errno;
	(void)close(fd);
	return rc;
}

/* A copy begins with a different commit number, which its digest must
 * contain. */
static int
renumber_copy(const char *new)
{
	uint64_t sum, number;
	MDB_env *env = NULL;
	MDB_txn *txn;
	MDB_dbi meta;
	int rc = open_lmdb(&env, new, MDB_NOLOCK);

	if (rc == 0)
		rc = mdb_txn_begin(env, NULL, 0, &txn);
	if (rc == 0) {
		rc = mdb_dbi_open(txn, LMDB_META, 0, &meta);
		if (rc == 0)
			rc = lmdb_get_digest(txn, meta, &sum, &number);
		if (rc == 0)
			rc = lmdb_put_digest(txn, meta, sum);
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	if (env != NULL)
		mdb_env_close(env);
	return rc;
}

/* Replaces the file with the copy. If this succeeds but the folder cannot be
 * synced, or the new file cannot be opened, the store is lost, but all data are
 * on disk. */
static int
swap_in_copy(struct store *s, const char *new)
{
	int rc;

	if (file_rename(new, s->path) != 0) {
		rc = errno;
		s->lost = access(new, F_OK) != 0;
		return rc;
	}
	mdb_env_close(s->env);
	s->env = NULL;
	rc = open_env(s, STORE_COUNTING);
	s->lost = rc != 0;
	return rc;
}

enum exit_code
store_compact(struct store *s, struct buf *why)
{
	char *new = xasprintf("%s.new", s->path);
	int rc;

	end_read(s);
	lmdb_guard_begin(s->damage, PROG_IO);
	rc = s->lost ? MDB_PANIC : copy_live_pages(s, new);
	if (rc == 0)
		rc = renumber_copy(new);
	if (rc == 0)
		rc = swap_in_copy(s, new);
	lmdb_guard_end();
	(void)unlink(new);
	free(new);
	return rc == 0 ? PROG_OK : explain_store_error(s, rc, why);
}

int64_t
store_number(struct store *s, const char *key, int64_t def)
{
	const void *data;
	size_t len;
	int64_t n;

	if (!store_get(s, STORE_META, key, &data, &len) || len != sizeof n)
		return def;
	memcpy(&n, data, sizeof n);
	return n;
}

void
store_set_number(struct store *s, const char *key, int64_t n)
{
	store_put(s, STORE_META, key, &n, sizeof n);
}
