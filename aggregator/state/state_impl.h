/*
 * state_impl: shared by the files below; only they include it and LMDB. Each
 * file uses only those below it:
 *
 *   state_open.c   opens: makes the file, or verifies all of it; rewrites it
 *   state.c        reading, changes, the commit
 *   state_error.c  errors as sentences and exit codes, crashes inside LMDB
 *
 * There is at most one write transaction, begun when it is needed; reads use
 * it, too. It is committed by a thread, which has the transaction for itself
 * until it is joined.
 */
#ifndef AGGREGATOR_STATE_STATE_IMPL_H
#define AGGREGATOR_STATE_STATE_IMPL_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "common/os/lmdb_file.h"
#include "common/records/forget_order.h"

#include "aggregator/state/state.h"

struct state_table {
	struct state *state;
	char *name;
	uint64_t seed; /* for its checksums, made from the name */
	MDB_dbi dbi;
};

struct state {
	char *dir, *path;
	int lock;          /* -1: no lock, for a new file */
	size_t limit, map; /* bytes: maximum size of the file; mapped now */
	MDB_env *env;
	MDB_txn *txn; /* NULL: not begun since the last commit */
	/* The commit that runs; NULL: none. It and `committed` belong to the
	 * thread until that is joined. */
	MDB_txn *committing;
	bool threaded; /* false: no thread could be started */
	pthread_t thread;
	int committed; /* its result, LMDB's number */
	atomic_bool done;
	bool changed;    /* something has changed since the last commit */
	uint64_t sum;    /* the digest's sum, including these changes */
	int64_t version; /* of the next commit; 0: not requested yet */
	uint64_t seed[2];
	struct state_table *tables[STATE_TABLES];
	size_t tables_n;
	struct state_table *meta;

	int rc;           /* the first error: LMDB's number, or an errno */
	char reason[160]; /* what is damaged; if empty, rc explains it */
};

/* Waits for a running commit. */
void state_join(struct state *s);

/* Begins a transaction unless one is open. Returns false after an error. */
bool state_begin(struct state *s);

/* Returns how many bytes LMDB may map now: the limit or, if address space is
 * limited, the amount needed soon. */
size_t state_map_size(const struct state *s);

/* Set the error: LMDB's number or an errno, or "damaged" with a description. */
void state_fail(struct state *s, int rc);
void state_fail_damaged(struct state *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Returns the exit code of the error and its sentence. */
enum exit_code state_explain(const struct state *s, struct buf *why);

/* Prepares the message of state_guard(). Call once, after the environment has
 * been created. */
void state_prepare_guard(const struct state *s);
/* Turn on while LMDB works, so that a crash is reported as a damaged file. */
void state_guard(bool on);

#endif
