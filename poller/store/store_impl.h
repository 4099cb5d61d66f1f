/*
 * store_impl: what store.c, store_format.c and store_examine.c share. Only they
 * include it, and only they use LMDB. A value is stored behind a checksum of
 * key and value, except "format" in the table meta, which identifies the file's
 * version.
 */
#ifndef POLLER_STORE_STORE_IMPL_H
#define POLLER_STORE_STORE_IMPL_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "poller/store/store.h"

#define STORE_FORMAT 4
#define STORE_SUM_LEN sizeof(uint64_t)

extern const char *const store_table_names[STORE_TABLES];

/* Borrows the text. */
MDB_val store_key(const char *key);

uint64_t store_checksum(const MDB_val *key, const MDB_val *data);

/* Gets the value behind the checksum, borrowed. False: it is too short. */
bool store_without_sum(const MDB_val *stored, MDB_val *data);

/* These return 0 or an error code of LMDB. */
int store_open_env(const char *path, unsigned flags, MDB_env **env)
    __attribute__((warn_unused_result));

/* Checks the version of the file. MDB_NOTFOUND: it is new. */
int store_check_format(MDB_txn *txn, MDB_dbi meta)
    __attribute__((warn_unused_result));

/* Opens the tables in a write transaction; creates those that are missing, and
 * the format. */
int store_open_tables(MDB_txn *txn, MDB_dbi dbi[STORE_TABLES])
    __attribute__((warn_unused_result));

/* Checks the whole file for damage; a missing or empty one is sound. flags:
 * MDB_RDONLY if nothing will be written to it. */
int store_examine(const char *path, unsigned flags)
    __attribute__((warn_unused_result));

#endif
