/*
 * lmdb_file: finds damage in an LMDB file that several tables share. Each
 * value is stored behind a checksum of its table, its key and itself. Each
 * commit stores the sum of all checksums and its own number, as an entry of the
 * table "meta" that is not part of the sum: so it covers exactly the entries of
 * that commit.
 *
 * A program that opens a file verifies each table, then the digest. An entry
 * that was changed, lost, duplicated or exchanged is detected with a
 * probability of 1 - 2^-64, and so are an older page, and keys that a search
 * does not find because LMDB's inner pages are damaged. An older copy of the
 * whole file is valid. Damage can crash LMDB itself, so callers hold a guard.
 *
 * Functions that return an int return 0 or LMDB's error.
 */
#ifndef COMMON_OS_LMDB_FILE_H
#define COMMON_OS_LMDB_FILE_H

#include "common/base/prog.h"

#include <lmdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name of the digest's table, and its key there. */
#define LMDB_META "meta"
#define LMDB_DIGEST "digest"

/* The checksum before each value. */
#define LMDB_SUM_LEN sizeof(uint64_t)

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
int lmdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, uint64_t sum,
    const void *data, size_t len);

/* Stores the sum in the transaction that commits these entries. */
int lmdb_put_digest(MDB_txn *txn, MDB_dbi meta, uint64_t sum);

/* Reads the sum of the last commit, and its number. */
int lmdb_get_digest(
    MDB_txn *txn, MDB_dbi meta, uint64_t *sum, uint64_t *number);

/* Reads all entries of a table and adds their checksums to *sum. Returns NULL;
 * or the fault in the table, such as "is out of order". */
const char *lmdb_verify_table(MDB_txn *txn, const char *table, uint64_t *sum)
    __attribute__((warn_unused_result));

/* True if the entries that are verified are those of the last commit, which has
 * that number. */
bool lmdb_verify_digest(
    MDB_txn *txn, MDB_dbi meta, uint64_t sum, uint64_t number);

/* LMDB trusts the file that it maps, so a damaged or truncated page can crash
 * the process inside LMDB. While a guard is set, such a crash ends the program
 * with one line that names the file and the remedy, instead of a core dump.
 * Each thread has its own guard. */

/* From now on a crash in this thread prints "PROGRAM: TEXT" and exits with the
 * code. The text is borrowed until lmdb_guard_end(). */
void lmdb_guard_begin(const char *text, enum exit_code code);
void lmdb_guard_end(void);

/* Failed assertions of LMDB end in the same way. */
void lmdb_guard_env(MDB_env *env);

#endif
