/*
 * state_impl: what the files below share; nobody else includes it, and only
 * these files include LMDB. A value is stored behind a checksum of key and
 * value. Each file uses those below it only:
 *
 *   state_rewrite.c       a state written anew, entry by entry
 *   state_open.c          opening: the file, then the log's newer commits
 *   state_exchange.c      a folder's files take the places of the state's
 *   state_replay.c        a log entry's changes, made again
 *   state_checkpoint.c    state_commit(): into the log, or into the file when
 *                         a checkpoint is due
 *   state.c               changes
 *   state_ops.c           changes as bytes, for the log
 *   state_read.c          reading
 *   state_dirty_pages.c   how many pages the changes copied
 *   state_checksums.c     a checksum of each page of the file
 *   state_acknowledged.c  the number of the last commit
 *   state_log_thread.c    appends to the log while other work is done
 *   state_log.c           the log as a file
 *   state_guard.c         a crash inside of LMDB, reported
 *   state_explain.c       errors as sentences and exit codes
 *   state_lock.c          the folder, made and locked
 */
#ifndef AGGREGATOR_STATE_STATE_IMPL_H
#define AGGREGATOR_STATE_STATE_IMPL_H

#include <lmdb.h>
#include <string.h>

#include "common/digest/checksum.h"
#include "common/records/stream_files.h"

#include "aggregator/state/state.h"
#include "aggregator/state/state_log.h"

/* Name of the number, in the file, of the last commit that it has. */
#define STATE_COMMIT_NUMBER "commit"

#define STATE_SUM_LEN sizeof(uint64_t)

struct state_table {
	struct state *state;
	char *name;
	MDB_dbi dbi;
	enum state_keys keys;
	uint64_t named; /* the last commit whose log entry names the table */
	unsigned index; /* in that entry */
};

/* A hash set of the pages that LMDB copied to change them, at most. */
struct state_dirty_pages {
	uintptr_t *slots;
	size_t n, mask;
};

/* One bit a page; set: the page is not in use. */
struct state_bitmap {
	uint64_t *words;
	size_t n;
};

/* LMDB's file after its last commit. */
struct state_file {
	int fd;
	size_t page;  /* size of one, in bytes */
	size_t pages; /* of the commit */
	size_t there; /* pages in the file; may be fewer, or more */
	uint64_t txn; /* LMDB's number of that commit */
};

struct state_checksums {
	int fd;
	uint64_t *v;   /* by page */
	bool *changed; /* by block of sums: not written yet */
	size_t cap, pages;
	struct state_bitmap unused; /* pages at the last commit */
	size_t *wrong; /* pages whose checksum differed at opening */
	size_t wrong_n, wrong_cap;
};

/* The last commit whose success was reported. */
struct state_acknowledged {
	int fd;
	uint64_t turn, seed;
	uint64_t commits, txn; /* its number, ours and LMDB's */
};

struct state {
	char *dir, *path;
	const char *wrong_file; /* name of the file to blame in an error; NULL:
				   LMDB's */
	size_t limit, map;      /* bytes: of the file at most; mapped so far */
	bool is_new;            /* the file is made now */
	int lock;
	MDB_env *env;
	MDB_txn *reader; /* kept between commits; reset during a write */
	bool reading;    /* the reader is active */
	unsigned walks;  /* calls of state_each() that are active */
	MDB_txn *writer; /* NULL: the file has everything */
	struct state_dirty_pages pages; /* that the writer copied */

	struct state_checksums sums;
	struct state_acknowledged acknowledged;
	struct state_log log;
	struct state_log_thread *log_thread; /* NULL: not needed so far */
	bool committing;                     /* which has an entry of it */
	struct buf ops;       /* changes since the last commit, for the log */
	unsigned named;       /* tables named in ops */
	bool changed;         /* something changed since the last commit */
	bool unlogged;        /* too much for the log: checkpoint instead */
	bool replaying;       /* changes come from the log */
	uint64_t commits;     /* number of the last commit */
	int64_t committed_ms; /* its time */
	int64_t began_ms;     /* time of the first commit that the file lacks */

	int rc; /* the first error: LMDB's number, or an errno */
	struct state_table *tables[STATE_TABLES];
	size_t tables_n;
	struct state_table *meta;
	int64_t version; /* of the next commit; 0: not asked for yet */
	uint64_t seed[2];
};

/* state_open(); seed NULL: a new state draws one. */
struct state *state_open_seeded(const char *dir,
    const struct state_identity *id, size_t limit, const uint64_t seed[2],
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* Where a state is written anew: in the folder of the first name, which gets
 * the second when it is whole. */
#define STATE_UNFINISHED "rewritten.new"
#define STATE_REWRITTEN "rewritten"

/* Removes the unfinished folder, or the files of one. */
int state_exchange_clear(const char *dir) __attribute__((warn_unused_result));
/* The unfinished folder is whole, and synced: its files are the state's from
 * now on, also if this is interrupted. */
int state_exchange(const char *dir) __attribute__((warn_unused_result));
/* Ends what was interrupted. The folder is locked. All: -1 with errno. */
int state_exchange_finish(const char *dir) __attribute__((warn_unused_result));

/* state.c: begins a write transaction unless there is one. False after an
 * error. */
bool state_begin(struct state *s);

/* Puts a value into LMDB, and not into the log. */
void state_apply_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len, unsigned flags);

/* state_read.c */
void state_fail(struct state *s, int rc);
void state_stop_reading(struct state *s);

/* A key as LMDB takes it, which wants numbers aligned. */
struct state_key {
	MDB_val val;
	uint64_t number;
};

static inline void
state_key_set(
    struct state_key *k, const struct state_table *t, const void *key, size_t n)
{
	k->val.mv_size = n;
	k->val.mv_data = (void *)(uintptr_t)key;
	if (t->keys == STATE_NUMBERS) {
		memcpy(&k->number, key, sizeof k->number);
		k->val.mv_data = &k->number;
	}
}

static inline uint64_t
state_value_sum(const void *key, size_t key_len, const void *data, size_t len)
{
	return checksum(checksum(0, key, key_len), data, len);
}

/* The value as state_get() gives it, from the write transaction, with its
 * checksum not looked at. */
bool state_get_stored(struct state_table *t, const void *key, size_t key_len,
    const char **data, size_t *len);

/* Moves a cursor to the first entry whose key begins with the prefix
 * (MDB_SET_RANGE), or to the next one (MDB_NEXT). */
int state_cursor_step(MDB_cursor *c, MDB_cursor_op op, const void *prefix,
    size_t len, MDB_val *key, MDB_val *data);

/* state_ops.c: adds a change to the log entry of the next commit: a put before
 * it is made, because it compares with the old value, others afterwards. */
void state_ops_table(struct state_table *t);
void state_ops_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len, bool append);
void state_ops_delete(struct state_table *t, const void *key, size_t key_len);
void state_ops_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max);
void state_ops_empty(struct state_table *t);

/* Makes the changes of a log entry again. False: the entry is damaged. */
bool state_replay(void *state, const char *data, size_t len);

/* Adds the page that a value lies in; false: it was there. */
bool state_dirty_pages_add(struct state_dirty_pages *p, const void *value);
void state_dirty_pages_clear(struct state_dirty_pages *p);

/* Commits LMDB's transaction, so that the file has everything, and restarts the
 * log. Does nothing after an error. */
void state_checkpoint(struct state *s);

/* How many bytes of addresses LMDB may map now: the limit, but only what is
 * needed soon where addresses are bounded. */
size_t state_map_size(const struct state *s);

/* The sentence and the exit code for an error of LMDB or the system. */
enum exit_code state_explain(const struct state *s, int rc, struct buf *why);

/* The same for what is wrong with the log. */
enum exit_code state_explain_log(
    const struct state *s, enum state_log_result r, struct buf *why);

/* All of these return 0, LMDB's number of an error, or an errno. */
int state_checksums_open(struct state *s, bool make);
/* Compares the pages of the last commit with their checksums. */
int state_checksums_check(struct state *s);
/* After LMDB's commit, before that is reported. */
int state_checksums_update(struct state *s);
/* Undoes a commit of LMDB that was not reported. Then LMDB must open its file
 * again. */
int state_checksums_step_back(struct state *s, bool *stepped);
void state_checksums_release(struct state_checksums *sums);

int state_acknowledged_open(struct state *s, bool make);
/* -1 with errno. One slot, not synced. */
int state_acknowledged_write(struct state_acknowledged *t);
/* -1 with errno. Both slots, synced. */
int state_acknowledged_sync(struct state_acknowledged *t);
void state_acknowledged_release(struct state_acknowledged *t);

/* Installs the handlers of state_guard(); once, when there is an
 * environment. */
void state_prepare_guard(const struct state *s);

/* On while LMDB works: a crash then is reported as a damaged file. */
void state_guard(const struct state *s, bool on);

#endif
