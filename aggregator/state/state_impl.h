/*
 * state_impl: what state*.c share; nobody else includes it. They alone see
 * LMDB. A value is stored behind a checksum of key and value.
 *
 *   state.c         reading and changing
 *   state_save.c    state_commit(): into the log, and, when that is due, the
 *                   file (is_due)
 *   state_open.c    opening, with what the log has and the file has not
 *   state_damage.c  what is wrong, said
 *   state_sums.c    a checksum of each page of the file
 *   state_acknowledged.c    what was acknowledged
 *   state_ops.c     changes as bytes, and made again from them
 *   state_log.c     the log as a file
 */
#ifndef AGGREGATOR_STATE_STATE_IMPL_H
#define AGGREGATOR_STATE_STATE_IMPL_H

#include <lmdb.h>

#include "aggregator/state/state.h"
#include "aggregator/state/state_log.h"

/* The commit that the file has, in its table of numbers. */
#define STATE_COMMIT_NUMBER "commit"

#define STATE_SUM_LEN sizeof(uint64_t)

struct state_table {
	struct state *state;
	char *name;
	MDB_dbi dbi;
	enum state_keys keys;
	uint64_t named; /* the commit whose entry has its name */
	unsigned index; /* in that entry */
};

/* Which of LMDB's pages were copied to be changed, at most. */
struct state_pages {
	uintptr_t *slots;
	size_t n, mask;
};

/* One bit a page: it is not in use. */
struct state_bitmap {
	uint64_t *words;
	size_t n;
};

/* LMDB's file, as its last commit has it. */
struct state_file {
	int fd;
	size_t page;  /* bytes of one */
	size_t pages; /* that the commit has */
	size_t there; /* that the file is long; may be less, or more */
	uint64_t txn; /* LMDB's number of that commit */
};

struct state_sums {
	int fd;
	uint64_t *v; /* by page */
	bool *changed;
	size_t cap, pages;
	struct state_bitmap unused; /* pages at the last commit */
	size_t *wrong;              /* pages when it was opened */
	size_t wrong_n, wrong_cap;
};

/* The last thing that is known to be there. */
struct state_acknowledged {
	int fd;
	uint64_t turn, seed;
	uint64_t commits, txn; /* ours and LMDB's */
};

struct state {
	char *dir, *path;
	const char *wrong_file; /* the file that is wrong; NULL: LMDB's */
	size_t limit, map;      /* of the file; of addresses, so far */
	bool is_new;            /* the file is made now */
	int lock;
	MDB_env *env;
	MDB_txn
	    *reader;    /* kept between commits; reset while there is a write */
	bool reading;   /* the reader is under way */
	unsigned walks; /* that are under way */
	MDB_txn *writer;          /* NULL: the file has everything */
	struct state_pages pages; /* that it may have */

	struct state_sums sums;
	struct state_acknowledged acknowledged;
	struct state_log log;
	struct buf ops;       /* changes since the last commit, for the log */
	unsigned named;       /* tables that are named in them */
	bool changed;         /* there are some, in ops or not */
	bool unlogged;        /* they are too many: the file at once */
	bool replaying;       /* they are the log's own */
	uint64_t commits;     /* number of the last one */
	int64_t committed_ms; /* when that was */
	int64_t began_ms; /* when the first one was that is not in the file */

	int rc; /* the first error, as LMDB says it */
	struct state_table *tables[STATE_TABLES];
	size_t tables_n;
	struct state_table *meta;
	int64_t version; /* of the writer; 0: not asked for yet */
	uint64_t seed[2];
};

/* Begins changing unless that is under way. False after an error. */
bool state_begin(struct state *s);

/* For state_ops.c and state_save.c: LMDB's part of the changes. */
void state_apply_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len, unsigned flags);
void state_fail(struct state *s, int rc);

/* What is there now, as state_get() would give it, but for its checksum. */
bool state_get_stored(struct state_table *t, const void *key, size_t key_len,
    const char **data, size_t *len);

/* Notes a change for the log: a put before it is made, because what was there
 * matters, others once they are. */
void state_ops_table(struct state_table *t);
void state_ops_put(struct state_table *t, const void *key, size_t key_len,
    const void *data, size_t len, bool append);
void state_ops_delete(struct state_table *t, const void *key, size_t key_len);
void state_ops_prefix(
    struct state_table *t, const void *prefix, size_t len, size_t max);
void state_ops_empty(struct state_table *t);

/* Makes the changes of one entry again. False: they make no sense. */
bool state_replay(void *state, const char *data, size_t len);

/* True: the page in which a value is was not met before. */
bool state_pages_add(struct state_pages *p, const void *value);

/* Everything into the file; then the log begins anew. Without effect after an
 * error. */
void state_checkpoint(struct state *s);

/* The sentence and the exit code for what LMDB or the system says. */
enum exit_code state_explain(const struct state *s, int rc, struct buf *why);

/* The same for what is wrong with the log. */
enum exit_code state_explain_log(
    const struct state *s, enum state_log_result r, struct buf *why);

/* How much of it LMDB may map now: no more than is needed soon where addresses
 * are bounded. */
size_t state_map_size(const struct state *s);

/* All of these as LMDB says it; errno is among that. */
int state_sums_open(struct state *s, bool make);
/* Whether the pages are those of the last commit. */
int state_sums_check(struct state *s);
/* After LMDB's commit, before that is told. */
int state_sums_update(struct state *s);
/* Takes a commit back that was not told. Then LMDB must open its file anew. */
int state_sums_step_back(struct state *s, bool *stepped);
void state_sums_release(struct state_sums *sums);

int state_acknowledged_open(struct state *s, bool make);
/* -1 with errno; sync: both slots, durably. */
int state_acknowledged_write(struct state_acknowledged *t);
int state_acknowledged_sync(struct state_acknowledged *t);
void state_acknowledged_release(struct state_acknowledged *t);

/* Once, when the environment is made. */
void state_prepare_guard(const struct state *s);

/* While LMDB works, a crash of this process is taken for a damaged file. */
void state_guard(const struct state *s, bool on);

#endif
