/*
 * state_impl: what the files below share; only they include it and LMDB. Each
 * file uses those below it only:
 *
 *   state_rewrite.c  a state written to a new file, entry by entry
 *   state_open.c     opening: makes the file, or verifies all of it
 *   state.c          reading, changes, the commit
 *   state_error.c    errors as sentences and exit codes, crashes inside LMDB
 *
 * There is one write transaction at a time, begun when it is needed; reading
 * goes through it, too.
 */
#ifndef AGGREGATOR_STATE_STATE_IMPL_H
#define AGGREGATOR_STATE_STATE_IMPL_H

#include <lmdb.h>
#include <string.h>

#include "common/digest/checksum.h"
#include "common/records/stream_files.h"

#include "aggregator/state/state.h"

/* Before each value. */
#define STATE_SUM_LEN sizeof(uint64_t)

/* Name of the entry of "meta" that is not in the digest: the digest. */
#define STATE_DIGEST "digest"

struct state_table {
	struct state *state;
	char *name;
	uint64_t seed; /* of its checksums, from the name */
	MDB_dbi dbi;
	enum state_keys keys;
};

/* Written with each commit, last. */
struct state_digest {
	uint64_t sum; /* of the checksums of all entries, modulo 2^64 */
	uint64_t txn; /* LMDB's number of the commit */
};

struct state {
	char *dir, *path;
	int lock;          /* -1: none, of a new file */
	size_t limit, map; /* bytes: of the file at most; mapped so far */
	MDB_env *env;
	MDB_txn *txn;    /* NULL: none was needed since the last commit */
	bool changed;    /* something changed since then */
	uint64_t sum;    /* of the digest, with these changes */
	int64_t version; /* of the next commit; 0: not asked for yet */
	uint64_t seed[2];
	struct state_table *tables[STATE_TABLES];
	size_t tables_n;
	struct state_table *meta;

	int rc;           /* the first error: LMDB's number, or an errno */
	char reason[160]; /* what is damaged; empty: rc says it */
};

/* A key as LMDB takes it, which wants numbers aligned. */
struct state_key {
	MDB_val val;
	uint64_t number;
};

static inline uint64_t
state_entry_sum(uint64_t seed, const void *key, size_t key_len,
    const void *data, size_t len)
{
	return checksum(checksum(seed, key, key_len), data, len);
}

/* The seed of a table's checksums. */
static inline uint64_t
state_table_seed(const char *name)
{
	return checksum(0, name, strlen(name));
}

/* Of a stored value: splits it, and compares it with its checksum. */
bool state_unwrap(uint64_t seed, const MDB_val *key, const MDB_val *stored,
    const void **data, size_t *len);

/* Begins a transaction unless there is one. False after an error. */
bool state_begin(struct state *s);

/* How many bytes of addresses LMDB may map now: the limit, but only what is
 * needed soon where addresses are bounded. */
size_t state_map_size(const struct state *s);

/* A new file with a name of its own, in a folder that is locked; then, with
 * everything committed, it takes the place of the state's. Frees s. */
struct state *state_make_file(const char *dir, size_t limit);
enum exit_code state_install_file(struct state *s, struct buf *why)
    __attribute__((warn_unused_result));

/* The names of all tables; owned. */
size_t state_list_tables(struct state *s, char *names[STATE_TABLES]);
enum state_keys state_keys_of(struct state *s, const char *name);

/* Sets the error: LMDB's number or an errno; or "damaged", and what. */
void state_fail(struct state *s, int rc);
void state_fail_damaged(struct state *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The sentence and the exit code of the error. */
enum exit_code state_explain(const struct state *s, struct buf *why);

/* Prepares the message of state_guard(); once, when there is an
 * environment. */
void state_prepare_guard(const struct state *s);
/* On while LMDB works: a crash then is reported as a damaged file. */
void state_guard(bool on);

#endif
