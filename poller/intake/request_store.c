/*
 * request_store: see request_store.h.
 */
#include "poller/intake/request_store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"
#include "common/os/lmdb_guard.h"

#define FORMAT 1

/* At first, see grow_map(). */
#define MAP_SIZE(max) (2 * (size_t)(max) + ((size_t)64 << 20))

/* Below that a file is not worth copying. */
#define COMPACT_BYTES ((size_t)256 * 1024)

/* Numbers of a queue's first entry and of the one that comes next. */
struct range {
	uint64_t first, next;
};

/* The only entry of "meta", behind its checksum. */
struct meta {
	uint64_t format;
	struct range queues[REQUEST_QUEUES];
};

struct request_store {
	char *path, *damage; /* damage: the message about a damaged file */
	int lock_fd;
	uint64_t max;

	pthread_mutex_t lock; /* of all below; held from begin to commit */
	MDB_env *env;
	MDB_dbi meta_dbi, dbi[REQUEST_QUEUES];
	struct meta meta, committed;
	uint64_t bytes, bytes_committed; /* of lines */
	MDB_txn *txn;
	int rc; /* of the first call that failed since begin */
	bool lost;
};

static const char *const queue_names[REQUEST_QUEUES] = { "lines", "keys" };

static MDB_val
number_key(const uint64_t *number)
{
	return (MDB_val){ sizeof *number, (void *)(uintptr_t)number };
}

static uint64_t
sum_of(unsigned table, uint64_t number, const void *data, size_t len)
{
	uint64_t head[2] = { table, number };

	return checksum(checksum(0, head, sizeof head), data, len);
}

static int
put_summed(struct request_store *s, MDB_dbi dbi, unsigned table,
    uint64_t number, const void *data, size_t len)
{
	uint64_t sum = sum_of(table, number, data, len);
	MDB_val k = number_key(&number), v = { sizeof sum + len, NULL };
	int rc = mdb_put(s->txn, dbi, &k, &v, MDB_RESERVE);

	if (rc != 0)
		return rc;
	memcpy(v.mv_data, &sum, sizeof sum);
	memcpy((char *)v.mv_data + sizeof sum, data, len);
	return 0;
}

/* Moves *v behind its checksum; false: it does not match. */
static bool
take_summed(unsigned table, uint64_t number, MDB_val *v)
{
	uint64_t sum;

	if (v->mv_size < sizeof sum)
		return false;
	memcpy(&sum, v->mv_data, sizeof sum);
	v->mv_data = (char *)v->mv_data + sizeof sum;
	v->mv_size -= sizeof sum;
	return sum == sum_of(table, number, v->mv_data, v->mv_size);
}

/* The exit code and a sentence for an error code of LMDB or the system. */
static enum exit_code
explain(const struct request_store *s, int rc, struct buf *why)
{
	if (rc > 0 && rc != EINVAL) { /* what LMDB says of odd pages */
		errno = syserr_written(rc, s->path);
		return syserr_explain(why, PROG_CANTCREATE,
		    "cannot keep requests in '%s'", s->path);
	}
	if (rc == MDB_MAP_FULL)
		buf_setf(why,
		    "'%s' is full; raise [listen] spool, or repair the broker",
		    s->path);
	else if (rc == MDB_PANIC)
		buf_setf(why,
		    "a disk error left '%s' unusable; repair the disk, then "
		    "restart the listener",
		    s->path);
	else
		buf_setf(why, "%s", s->damage);
	return PROG_IO;
}

static int
read_number(const MDB_val *k, uint64_t *number)
{
	if (k->mv_size != sizeof *number)
		return MDB_CORRUPTED;
	memcpy(number, k->mv_data, sizeof *number);
	return 0;
}

/* Calls each() for entries above `after` until it returns false. The lock is
 * held. 0, or an error code. */
static int
read_entries(struct request_store *s, MDB_txn *txn, enum request_queue q,
    uint64_t after, bool (*each)(void *ctx, uint64_t number, const MDB_val *v),
    void *ctx)
{
	uint64_t want = s->committed.queues[q].first, number;
	uint64_t next = s->committed.queues[q].next;
	MDB_cursor *cursor;
	MDB_val k, v;
	int rc = mdb_cursor_open(txn, s->dbi[q], &cursor);

	if (rc != 0)
		return rc;
	if (want <= after)
		want = after + 1;
	k = number_key(&want);
	rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
	while (rc == 0) {
		rc = read_number(&k, &number);
		if (rc == 0 && (number != want || number >= next ||
				   !take_summed((unsigned)q, number, &v)))
			rc = MDB_CORRUPTED;
		if (rc != 0 || !each(ctx, number, &v))
			break;
		want++;
		rc = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cursor);
	if (rc == MDB_NOTFOUND)
		rc = want == next || after + 1 >= next ? 0 : MDB_CORRUPTED;
	return rc;
}

/* The same, in a transaction of its own. */
static int
read_queue(struct request_store *s, enum request_queue q, uint64_t after,
    bool (*each)(void *ctx, uint64_t number, const MDB_val *v), void *ctx)
{
	MDB_txn *txn;
	int rc;

	if (s->lost)
		return MDB_PANIC;
	lmdb_guard_begin(s->damage, PROG_IO);
	rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);
	if (rc == 0) {
		rc = read_entries(s, txn, q, after, each, ctx);
		mdb_txn_abort(txn);
	}
	lmdb_guard_end();
	return rc;
}

static int
write_meta(struct request_store *s)
{
	return put_summed(
	    s, s->meta_dbi, REQUEST_QUEUES, 0, &s->meta, sizeof s->meta);
}

static int
read_meta(struct request_store *s)
{
	uint64_t zero = 0;
	MDB_val k = number_key(&zero), v;
	int rc = mdb_get(s->txn, s->meta_dbi, &k, &v);

	if (rc == MDB_NOTFOUND)
		return MDB_CORRUPTED;
	if (rc == 0 && (!take_summed(REQUEST_QUEUES, 0, &v) ||
			   v.mv_size != sizeof s->meta))
		rc = MDB_CORRUPTED;
	if (rc == 0)
		memcpy(&s->meta, v.mv_data, sizeof s->meta);
	if (rc == 0 && s->meta.format != FORMAT)
		rc = MDB_VERSION_MISMATCH;
	return rc;
}

/* create: the file is new. */
static int
open_tables(struct request_store *s, bool create)
{
	unsigned flags = MDB_INTEGERKEY | (create ? MDB_CREATE : 0);
	int rc = mdb_txn_begin(s->env, NULL, 0, &s->txn), q;

	if (rc == 0)
		rc = mdb_dbi_open(s->txn, "meta", flags, &s->meta_dbi);
	for (q = 0; rc == 0 && q < REQUEST_QUEUES; q++)
		rc = mdb_dbi_open(s->txn, queue_names[q], flags, &s->dbi[q]);
	s->meta = (struct meta){ FORMAT, { { 1, 1 }, { 1, 1 } } };
	if (rc == 0)
		rc = create ? write_meta(s) : read_meta(s);
	if (rc == 0)
		rc = mdb_txn_commit(s->txn);
	else if (s->txn != NULL)
		mdb_txn_abort(s->txn);
	s->txn = NULL;
	s->committed = s->meta;
	return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

/* One process has the file, and the mutex its threads: LMDB needs no lock file.
 */
static int
open_env(struct request_store *s, const char *path, bool create)
{
	int rc = mdb_env_create(&s->env);

	if (rc != 0)
		return rc;
	lmdb_guard_begin(s->damage, PROG_IO);
	lmdb_guard_env(s->env);
	rc = mdb_env_set_maxdbs(s->env, REQUEST_QUEUES + 1);
	if (rc == 0)
		rc = mdb_env_set_mapsize(s->env, MAP_SIZE(s->max));
	if (rc == 0)
		rc =
		    mdb_env_open(s->env, path, MDB_NOSUBDIR | MDB_NOLOCK, 0600);
	if (rc == 0)
		rc = open_tables(s, create);
	lmdb_guard_end();
	return rc;
}

/* A new file gets its name when it is complete: so one that is empty, or lacks
 * its tables, is damaged. */
static int
create_file(struct request_store *s)
{
	char *new = xasprintf("%s.new", s->path);
	int rc;

	(void)unlink(new);
	rc = open_env(s, new, true);
	if (s->env != NULL)
		mdb_env_close(s->env);
	s->env = NULL;
	if (rc == 0 && file_rename(new, s->path) != 0)
		rc = errno;
	free(new);
	return rc;
}

static int
open_file(struct request_store *s)
{
	struct stat st;
	int rc = 0;

	if (stat(s->path, &st) != 0)
		rc = errno == ENOENT ? create_file(s) : errno;
	else if (st.st_size == 0)
		rc = MDB_CORRUPTED;
	return rc == 0 ? open_env(s, s->path, false) : rc;
}

static bool
count_bytes(void *ctx, uint64_t number, const MDB_val *v)
{
	uint64_t *bytes = ctx;

	(void)number;
	*bytes += v->mv_size;
	return true;
}

/* Reads all entries: whether they are whole, and how many bytes they have. */
static int
check_entries(struct request_store *s)
{
	uint64_t bytes[REQUEST_QUEUES] = { 0 };
	int rc = 0, q;

	for (q = 0; rc == 0 && q < REQUEST_QUEUES; q++)
		rc = read_queue(
		    s, (enum request_queue)q, 0, count_bytes, &bytes[q]);
	s->bytes = s->bytes_committed = bytes[REQUEST_LINES];
	return rc;
}

static int
take_lock(struct request_store *s, const char *dir, enum exit_code *code,
    struct buf *why)
{
	char *name = xasprintf("%s/spool/lock", dir);

	s->lock_fd = lock_take(name, why);
	if (s->lock_fd < 0 && errno == EWOULDBLOCK) {
		*code = PROG_TEMPFAIL;
		buf_setf(why,
		    "another listener uses '%s'; choose another folder with "
		    "--state",
		    dir);
	} else if (s->lock_fd < 0) {
		*code = syserr_code(errno, PROG_CANTCREATE);
	}
	free(name);
	return s->lock_fd < 0 ? -1 : 0;
}

static int
make_folder(const char *dir, enum exit_code *code, struct buf *why)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	*code = syserr_explain(
	    why, PROG_CANTCREATE, "cannot create the folder '%s'", dir);
	return -1;
}

struct request_store *
request_store_open(
    const char *dir, uint64_t max, enum exit_code *code, struct buf *why)
{
	struct request_store *s = xcalloc(1, sizeof *s);
	char *spool = xasprintf("%s/spool", dir);
	bool ready;
	int rc;

	s->lock_fd = -1;
	s->max = max;
	s->path = xasprintf("%s/requests.mdb", spool);
	s->damage = xasprintf("'%s' is damaged or of another version; move it "
			      "away to start with an empty spool",
	    s->path);
	(void)pthread_mutex_init(&s->lock, NULL);
	ready = make_folder(dir, code, why) == 0 &&
		make_folder(spool, code, why) == 0 &&
		take_lock(s, dir, code, why) == 0;
	free(spool);
	if (!ready) {
		request_store_close(s);
		return NULL;
	}
	rc = open_file(s);
	if (rc == 0)
		rc = check_entries(s);
	if (rc == 0)
		return s;
	*code = explain(s, rc, why);
	request_store_close(s);
	return NULL;
}

void
request_store_close(struct request_store *s)
{
	if (s == NULL)
		return;
	if (s->env != NULL)
		mdb_env_close(s->env);
	lock_release(s->lock_fd);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s->damage);
	free(s);
}

/* Doubles the map when half of it is in use: how many pages lines and keys take
 * depends on their lengths, and removing them takes pages, too. */
static int
grow_map(struct request_store *s)
{
	MDB_envinfo info;
	MDB_stat stat;
	int rc = mdb_env_info(s->env, &info);

	if (rc == 0)
		rc = mdb_env_stat(s->env, &stat);
	if (rc != 0 || info.me_last_pgno < info.me_mapsize / stat.ms_psize / 2)
		return rc;
	rc = mdb_env_set_mapsize(s->env, 2 * info.me_mapsize);
	s->lost = rc != 0;
	return rc;
}

void
request_store_begin(struct request_store *s)
{
	(void)pthread_mutex_lock(&s->lock);
	lmdb_guard_begin(s->damage, PROG_IO);
	s->rc = s->lost ? MDB_PANIC : grow_map(s);
	if (s->rc == 0)
		s->rc = mdb_txn_begin(s->env, NULL, 0, &s->txn);
}

bool
request_store_add(
    struct request_store *s, enum request_queue q, const void *data, size_t len)
{
	uint64_t number = s->meta.queues[q].next;

	if (q == REQUEST_LINES && s->bytes + len > s->max)
		return false;
	if (s->rc == 0)
		s->rc =
		    put_summed(s, s->dbi[q], (unsigned)q, number, data, len);
	if (s->rc == 0)
		s->meta.queues[q].next++;
	if (s->rc == 0 && q == REQUEST_LINES)
		s->bytes += len;
	return true;
}

/* Removes the first entry of the queue. */
static int
drop_first(struct request_store *s, MDB_cursor *cursor, enum request_queue q)
{
	MDB_val k, v;
	int rc = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);

	if (rc != 0)
		return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
	if (q == REQUEST_LINES)
		s->bytes -= v.mv_size - sizeof(uint64_t);
	s->meta.queues[q].first++;
	return mdb_cursor_del(cursor, 0);
}

void
request_store_drop(
    struct request_store *s, enum request_queue q, uint64_t number)
{
	const struct range *r = &s->meta.queues[q];
	MDB_cursor *cursor;

	if (s->rc != 0 || r->first > number)
		return;
	s->rc = mdb_cursor_open(s->txn, s->dbi[q], &cursor);
	if (s->rc != 0)
		return;
	while (s->rc == 0 && r->first <= number && r->first < r->next)
		s->rc = drop_first(s, cursor, q);
	mdb_cursor_close(cursor);
}

int
request_store_commit(struct request_store *s, struct buf *why)
{
	int rc = s->rc;

	if (rc == 0)
		rc = write_meta(s);
	if (rc == 0) {
		rc = mdb_txn_commit(s->txn);
		s->txn = NULL;
	}
	if (s->txn != NULL)
		mdb_txn_abort(s->txn);
	s->txn = NULL;
	lmdb_guard_end();
	if (rc == 0) {
		s->committed = s->meta;
		s->bytes_committed = s->bytes;
	} else {
		s->meta = s->committed;
		s->bytes = s->bytes_committed;
		if (rc == EINVAL ||
		    (rc < 0 && rc != MDB_MAP_FULL && rc != MDB_TXN_FULL))
			s->lost = true;
		(void)explain(s, rc, why);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return rc == 0 ? 0 : -1;
}

struct next_lines {
	struct buf *lines;
	size_t most;
	uint64_t number;
};

static bool
append_lines(void *ctx, uint64_t number, const MDB_val *v)
{
	struct next_lines *n = ctx;

	buf_add(n->lines, v->mv_data, v->mv_size);
	n->number = number;
	return n->lines->len < n->most;
}

int
request_store_next(struct request_store *s, uint64_t *number, size_t most,
    struct buf *lines, struct buf *why)
{
	struct next_lines n = { lines, lines->len + most, *number };
	int rc;

	(void)pthread_mutex_lock(&s->lock);
	rc = read_queue(s, REQUEST_LINES, *number, append_lines, &n);
	(void)pthread_mutex_unlock(&s->lock);
	if (rc != 0) {
		(void)explain(s, rc, why);
		return -1;
	}
	if (n.number == *number)
		return 0;
	*number = n.number;
	return 1;
}

struct call_each {
	request_store_fn *each;
	void *ctx;
};

static bool
call_with_entry(void *ctx, uint64_t number, const MDB_val *v)
{
	const struct call_each *c = ctx;

	c->each(c->ctx, number, v->mv_data, v->mv_size);
	return true;
}

int
request_store_each(struct request_store *s, enum request_queue q,
    request_store_fn *each, void *ctx, struct buf *why)
{
	struct call_each c = { each, ctx };
	int rc;

	(void)pthread_mutex_lock(&s->lock);
	rc = read_queue(s, q, 0, call_with_entry, &c);
	(void)pthread_mutex_unlock(&s->lock);
	if (rc != 0)
		(void)explain(s, rc, why);
	return rc == 0 ? 0 : -1;
}

static struct range
committed_range(struct request_store *s, enum request_queue q)
{
	struct range r;

	(void)pthread_mutex_lock(&s->lock);
	r = s->committed.queues[q];
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

uint64_t
request_store_end(struct request_store *s, enum request_queue q)
{
	return committed_range(s, q).next;
}

uint64_t
request_store_first(struct request_store *s, enum request_queue q)
{
	return committed_range(s, q).first;
}

/* Copies the live pages to path.new. 0, or an error code. */
static int
copy_live_pages(struct request_store *s, const char *new)
{
	int fd =
	    file_open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	int rc = 0;

	if (fd < 0)
		return errno;
	lmdb_guard_begin(s->damage, PROG_IO);
	rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
	lmdb_guard_end();
	if (rc == 0 && fsync(fd) != 0)
		rc = errno;
	(void)close(fd);
	return rc;
}

/* Exchanges the file for the copy. When that is done, but the folder cannot be
 * synced, or the new file not be opened, the process has to end; all is on the
 * disk. */
static int
swap_in_copy(struct request_store *s, const char *new)
{
	int rc;

	if (file_rename(new, s->path) != 0) {
		rc = errno;
		s->lost = access(new, F_OK) != 0;
		return rc;
	}
	mdb_env_close(s->env);
	s->env = NULL;
	rc = open_env(s, s->path, false);
	s->lost = rc != 0;
	return rc;
}

int
request_store_compact(struct request_store *s, struct buf *why)
{
	char *new = xasprintf("%s.new", s->path);
	struct stat st;
	int rc = 0;

	(void)pthread_mutex_lock(&s->lock);
	if (!s->lost && stat(s->path, &st) == 0 &&
	    (size_t)st.st_size > COMPACT_BYTES &&
	    s->bytes_committed < (uint64_t)st.st_size / 2) {
		rc = copy_live_pages(s, new);
		if (rc == 0)
			rc = swap_in_copy(s, new);
		if (rc != 0)
			(void)explain(s, rc, why);
		(void)unlink(new);
	}
	(void)pthread_mutex_unlock(&s->lock);
	free(new);
	return rc == 0 ? 0 : -1;
}

bool
request_store_is_lost(struct request_store *s)
{
	bool lost;

	(void)pthread_mutex_lock(&s->lock);
	lost = s->lost;
	(void)pthread_mutex_unlock(&s->lock);
	return lost;
}

const char *
request_store_path(const struct request_store *s)
{
	return s->path;
}
