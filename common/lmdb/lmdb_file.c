/*
 * lmdb_file: opens, commits and rewrites a file; see lmdb_file.h.
 */
#include "common/lmdb/lmdb_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/thread.h"

/* The most bytes of a copy between two commits. */
#define COPIED_AT_ONCE ((size_t)4 << 20)
/* Size of LMDB's lock file, with its table of readers. */
#define LOCK_BYTES 65536

struct lmdb_file *
lmdb_new(
    const struct lmdb_kind *kind, const char *path, size_t limit, bool shared)
{
	struct lmdb_file *f = xcalloc(1, sizeof *f);

	f->kind = kind;
	f->path = xstrdup(path);
	f->limit = limit;
	f->shared = shared;
	f->crash = xasprintf("%s '%s' is damaged: it is truncated, or has "
			     "wrong pages; %s",
	    kind->name, path, kind->way_out);
	return f;
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

static int
open_env(struct lmdb_file *f)
{
	/* Any thread may use a transaction that another one began. */
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS;
	int rc, dead;

	if (!f->shared)
		flags |= MDB_NORDAHEAD | MDB_NOLOCK;
	lmdb_guard_env(f->env);
	lmdb_guard(f);
	rc = mdb_env_open(f->env, f->path, flags, 0600);
	if (rc == 0 && f->shared)
		/* Removes readers of killed processes. */
		rc = mdb_reader_check(f->env, &dead);
	lmdb_guard_end();
	return rc;
}

bool
lmdb_open(struct lmdb_file *f)
{
	int rc = f->shared ? reserve_lock_file(f->path) : 0;

	if (rc == 0)
		rc = mdb_env_create(&f->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(f->env, LMDB_TABLES);
	if (rc == 0)
		rc = mdb_env_set_mapsize(f->env, f->limit);
	if (rc == 0)
		rc = open_env(f);
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
	lmdb_guard(f);
	rc = mdb_txn_begin(f->env, NULL, flags, &f->txn);
	lmdb_guard_end();
	f->writes = writes;
	if (rc != 0) {
		f->txn = NULL;
		lmdb_fail(f, rc);
	}
	return rc == 0;
}

bool
lmdb_begin(struct lmdb_file *f)
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
	return lmdb_begin(f) && mdb_txn_id(f->txn) == (f->writes ? 1 : 0);
}

void
lmdb_begin_file(struct lmdb_file *f)
{
	struct lmdb_table *meta = lmdb_table(f, LMDB_META, true);

	if (meta != NULL)
		lmdb_put(meta, "format", strlen("format"), f->kind->format,
		    strlen(f->kind->format));
}

void
lmdb_close(struct lmdb_file *f)
{
	size_t i;

	if (f == NULL)
		return;
	lmdb_abort(f);
	if (f->env != NULL)
		mdb_env_close(f->env);
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
	lmdb_guard(f);
	if (!f->changed)
		rc = lmdb_count_change(f, NULL, 0);
	if (rc == 0)
		rc = lmdb_put_digest(f);
	lmdb_guard_end();
	if (rc != 0)
		lmdb_fail(f, rc);
	return rc == 0;
}

static void *
commit_main(void *ctx)
{
	struct lmdb_file *f = ctx;

	lmdb_guard(f);
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
	if (to != to->file->meta || key_len != strlen(LMDB_DIGEST) ||
	    memcmp(key, LMDB_DIGEST, key_len) != 0)
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
	size_t i, n = lmdb_list_tables(from, names);
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

	if (unlink(path) != 0 && errno != ENOENT)
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
