/*
 * idempotency_store: keys of requests in LMDB, one file with two tables: by
 * key what is known of it, and by number, which is the order of their coming,
 * the keys. Nothing is synced; a file beside it names the boot of the machine
 * in which it was written, or says that it was closed in order. Otherwise the
 * machine went down in between, LMDB cannot know what of it got to the disk,
 * and it begins anew.
 */
#include "poller/idempotency_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/xalloc.h"

#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define IN_ORDER "closed in order"
#define LOCK_BYTES 65536 /* of LMDB's lock file */

/* Room for an entry in both tables, half-full pages included. */
#define ENTRY_BYTES 2048
#define MAP_LEAST ((size_t)16 * 1024 * 1024)

/* Old ones that go with each new one: more than come. */
#define DROP_AT_ONCE 4

#define KEY_MAX 511 /* of LMDB */

struct entry {
	struct idempotent what;
	uint64_t number;
};

struct idempotency_store {
	char *path, *mark;
	MDB_env *env;
	MDB_dbi keys, order;
	size_t max;
	bool warned;
};

/* The first line of a small file, "" when there is none. */
static void
read_line(const char *path, struct buf *line)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	const char *end;

	buf_clear(line);
	line->max = 256;
	if (fd < 0)
		return;
	if (file_read_all(fd, line) != 0)
		buf_clear(line);
	(void)close(fd);
	end = strchr(buf_str(line), '\n');
	if (end != NULL) {
		char *first = xstrndup(line->data, (size_t)(end - line->data));

		buf_setf(line, "%s", first);
		free(first);
	}
}

static int
write_line(const char *path, const char *text)
{
	int fd = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return errno;
	rc = file_write_all(fd, text, strlen(text)) == 0 ? 0 : errno;
	(void)close(fd);
	return rc;
}

static void
forget(const struct idempotency_store *s)
{
	char *lock = xasprintf("%s-lock", s->path);

	(void)unlink(s->path);
	(void)unlink(lock);
	free(lock);
}

/* Of another boot, and not closed in order: it may be damaged. */
static int
check_mark(struct idempotency_store *s)
{
	struct buf now = BUF_INIT, then = BUF_INIT;
	int rc;

	read_line(BOOT_FILE, &now);
	read_line(s->mark, &then);
	if (access(s->path, F_OK) == 0 &&
	    strcmp(buf_str(&then), IN_ORDER) != 0 &&
	    strcmp(buf_str(&then), buf_str(&now)) != 0) {
		log_info("keys_forgotten", "file=%s reason=restart", s->path);
		forget(s);
	}
	rc = write_line(s->mark, buf_str(&now));
	buf_release(&now);
	buf_release(&then);
	return rc;
}

/* LMDB maps its lock file: without room for it on the disk it would be
 * killed. */
static int
reserve_lock(const struct idempotency_store *s)
{
	char *name = xasprintf("%s-lock", s->path);
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = fd < 0 ? errno : posix_fallocate(fd, 0, LOCK_BYTES);

	if (fd >= 0)
		(void)close(fd);
	free(name);
	return rc;
}

static int
open_tables(struct idempotency_store *s)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, "keys", MDB_CREATE, &s->keys);
	if (rc == 0)
		rc = mdb_dbi_open(
		    txn, "order", MDB_CREATE | MDB_INTEGERKEY, &s->order);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static int
open_env(struct idempotency_store *s)
{
	size_t want = MAP_LEAST + s->max * ENTRY_BYTES;
	int rc = reserve_lock(s), dead;

	if (rc == 0)
		rc = mdb_env_create(&s->env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(s->env, 2);
	if (rc == 0)
		rc = mdb_env_set_mapsize(s->env, want);
	if (rc == 0)
		rc = mdb_env_open(s->env, s->path,
		    MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOTLS, 0600);
	if (rc == 0)
		rc = mdb_reader_check(s->env, &dead);
	if (rc == 0)
		rc = open_tables(s);
	if (rc != 0 && s->env != NULL) {
		mdb_env_close(s->env);
		s->env = NULL;
	}
	return rc;
}

struct idempotency_store *
idempotency_store_open(
    const char *dir, size_t max, enum exit_code *code, struct buf *why)
{
	struct idempotency_store *s = xcalloc(1, sizeof *s);
	int rc = 0;

	s->path = xasprintf("%s/listen.keys", dir);
	s->mark = xasprintf("%s/listen.boot", dir);
	s->max = max;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		rc = errno;
	if (rc == 0)
		rc = check_mark(s);
	if (rc == 0)
		rc = open_env(s);
	if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH ||
	    rc == MDB_CORRUPTED) {
		forget(s);
		rc = open_env(s);
	}
	if (rc == 0)
		return s;
	buf_setf(why, "cannot use '%s': %s; check its folder", s->path,
	    rc > 0 ? log_errno(rc) : mdb_strerror(rc));
	*code = rc > 0 ? PROG_CANTCREATE : PROG_IO;
	idempotency_store_close(s);
	return NULL;
}

void
idempotency_store_close(struct idempotency_store *s)
{
	if (s == NULL)
		return;
	if (s->env != NULL) {
		if (mdb_env_sync(s->env, 1) == 0)
			(void)write_line(s->mark, IN_ORDER);
		mdb_env_close(s->env);
	}
	free(s->path);
	free(s->mark);
	free(s);
}

static bool
read_entry(
    struct idempotency_store *s, MDB_txn *txn, MDB_val *key, struct entry *e)
{
	MDB_val v;

	if (mdb_get(txn, s->keys, key, &v) != 0 || v.mv_size != sizeof *e)
		return false;
	memcpy(e, v.mv_data, sizeof *e);
	return true;
}

/* Removes the oldest one when it is too old, or one too many. MDB_NOTFOUND:
 * there is none such. */
static int
drop_one(struct idempotency_store *s, MDB_txn *txn, int64_t now)
{
	char bytes[KEY_MAX];
	MDB_cursor *c;
	MDB_val number, v, key = { 0, bytes };
	MDB_stat st;
	struct entry e;
	int rc = mdb_cursor_open(txn, s->order, &c);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(c, &number, &v, MDB_FIRST);
	if (rc == 0) { /* what is in the map moves with each change */
		key.mv_size = v.mv_size < KEY_MAX ? v.mv_size : KEY_MAX;
		memcpy(bytes, v.mv_data, key.mv_size);
		if (read_entry(s, txn, &key, &e) &&
		    now - e.what.at < IDEMPOTENCY_WINDOW_MS &&
		    mdb_stat(txn, s->keys, &st) == 0 && st.ms_entries <= s->max)
			rc = MDB_NOTFOUND;
	}
	if (rc == 0)
		rc = mdb_cursor_del(c, 0);
	mdb_cursor_close(c);
	if (rc != 0)
		return rc;
	rc = mdb_del(txn, s->keys, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The number behind the last. */
static int
next_number(struct idempotency_store *s, MDB_txn *txn, size_t *number)
{
	MDB_cursor *c;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, s->order, &c);

	*number = 1;
	if (rc != 0)
		return rc;
	if (mdb_cursor_get(c, &k, &v, MDB_LAST) == 0 &&
	    k.mv_size == sizeof *number) {
		memcpy(number, k.mv_data, sizeof *number);
		++*number;
	}
	mdb_cursor_close(c);
	return 0;
}

/* old: what is too old to count; its place in the row goes as well. */
static int
add(struct idempotency_store *s, MDB_txn *txn, MDB_val *key,
    const struct entry *old, const struct idempotent *r)
{
	struct entry e = { *r, 0 };
	MDB_val v = { sizeof e, &e }, number;
	size_t n;
	int rc = 0;

	if (old != NULL) {
		n = (size_t)old->number;
		number = (MDB_val){ sizeof n, &n };
		rc = mdb_del(txn, s->order, &number, NULL);
	}
	if (rc == 0 || rc == MDB_NOTFOUND)
		rc = next_number(s, txn, &n);
	e.number = n;
	number = (MDB_val){ sizeof n, &n };
	if (rc == 0)
		rc = mdb_put(txn, s->keys, key, &v, 0);
	return rc != 0 ? rc : mdb_put(txn, s->order, &number, key, MDB_APPEND);
}

/* 0 and the verdict; nothing is changed unless that is NEW. */
static int
look_and_add(struct idempotency_store *s, MDB_val *key, struct idempotent *r,
    enum idempotency_verdict *verdict)
{
	struct entry old;
	MDB_txn *txn;
	bool there;
	int i, rc = mdb_txn_begin(s->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	there = read_entry(s, txn, key, &old);
	*verdict = there ? idempotency_compare(&old.what, r) : IDEMPOTENCY_NEW;
	if (*verdict != IDEMPOTENCY_NEW) {
		mdb_txn_abort(txn);
		return 0;
	}
	rc = add(s, txn, key, there ? &old : NULL, r);
	for (i = 0; rc == 0 && i < DROP_AT_ONCE; i++)
		rc = drop_one(s, txn, r->at);
	if (rc == 0 || rc == MDB_NOTFOUND)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

enum idempotency_verdict
idempotency_store_first(struct idempotency_store *s, const void *key,
    size_t len, struct idempotent *r)
{
	char bytes[KEY_MAX];
	MDB_val k = { len, bytes };
	enum idempotency_verdict v = IDEMPOTENCY_FAILED;
	int rc;

	if (len > sizeof bytes)
		return IDEMPOTENCY_FAILED;
	memcpy(bytes, key, len);
	rc = look_and_add(s, &k, r, &v);
	if (rc == 0) {
		s->warned = false;
		return v;
	}
	if (!s->warned)
		log_warn("cannot write '%s': %s; requests with a key are "
			 "refused meanwhile",
		    s->path, rc > 0 ? log_errno(rc) : mdb_strerror(rc));
	s->warned = true;
	return IDEMPOTENCY_FAILED;
}
