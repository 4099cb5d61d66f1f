/*
 * lmdb_impl: shared by the files below; only they include it and LMDB:
 *
 *   lmdb_file.c     opens, begins, commits, rewrites
 *   lmdb_table.c    reads and changes the entries of a table
 *   lmdb_verify.c   checksums, the digest, the verification of a file
 *   lmdb_error.c    errors as sentences and exit codes, crashes inside LMDB
 */
#ifndef COMMON_LMDB_LMDB_IMPL_H
#define COMMON_LMDB_LMDB_IMPL_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "common/lmdb/lmdb_file.h"

/* The key of the digest in LMDB_META. */
#define LMDB_DIGEST "digest"

/* The length of the checksum before each value. */
#define LMDB_SUM_LEN sizeof(uint64_t)

struct lmdb_table {
	struct lmdb_file *file;
	char *name;
	uint64_t seed; /* for its checksums, made from the name */
	MDB_dbi dbi;
};

struct lmdb_file {
	const struct lmdb_kind *kind;
	char *path;
	size_t limit; /* maximum size in bytes */
	bool shared;
	MDB_env *env;
	MDB_txn *txn; /* NULL: not begun since the last commit */
	bool writes;  /* the transaction can change something */
	bool changed; /* and has */
	uint64_t sum; /* if changed: the digest's sum with these changes */
	struct lmdb_table *tables[LMDB_TABLES];
	size_t tables_n;
	struct lmdb_table *meta;

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

static inline MDB_val
lmdb_bytes(const void *p, size_t len)
{
	return (MDB_val){ len, (void *)(uintptr_t)p };
}

static inline MDB_val
lmdb_text(const char *text)
{
	return lmdb_bytes(text, strlen(text));
}

/* Begins a transaction unless one is open: one that writes in a file that is
 * used alone. Returns false after an error. */
bool lmdb_begin(struct lmdb_file *f);

/* Returns the seed of a table's checksums. */
uint64_t lmdb_seed(const char *table);

/* Returns the checksum of an entry of that table. */
uint64_t lmdb_sum(
    uint64_t seed, const MDB_val *key, const void *data, size_t len);

/* Returns the checksum before a stored value, 0 if it is too short for one. */
uint64_t lmdb_stored_sum(const MDB_val *stored);

/* Moves *v past its checksum; returns false if that does not match. */
bool lmdb_unwrap(uint64_t seed, const MDB_val *key, MDB_val *v);

/* Writes a value behind its checksum, without touching the digest. */
int lmdb_put_entry(const struct lmdb_table *t, MDB_val *key, uint64_t sum,
    const void *data, size_t len);

/* Corrects the digest's sum. old: the stored value that a change replaces;
 * NULL: none. sum: the checksum of the new value; 0: none. */
int lmdb_count_change(struct lmdb_file *f, const MDB_val *old, uint64_t sum);

/* Stores the sum in the transaction that commits these entries. */
int lmdb_put_digest(struct lmdb_file *f);

/* Reads the sum of the last commit, and its number. */
int lmdb_get_digest(const struct lmdb_file *f, uint64_t *sum, uint64_t *number);

/* Lists the names of all tables, owned by the caller; returns their number. */
size_t lmdb_list_tables(struct lmdb_file *f, char *names[LMDB_TABLES]);

/* LMDB trusts the file that it maps, so a damaged or truncated page can crash
 * the process inside LMDB. While the guard of a thread is on, such a crash ends
 * the program with one line that names the file and the way out, instead of a
 * core dump. */
void lmdb_guard(const struct lmdb_file *f);
void lmdb_guard_end(void);

/* Failed assertions of LMDB end in the same way. */
void lmdb_guard_env(MDB_env *env);

#endif
