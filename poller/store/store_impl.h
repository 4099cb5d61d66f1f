/*
 * store_impl: what store.c and store_examine.c share; nobody else includes it.
 * They alone see LMDB. A value is stored as a checksum of key and value, then
 * the value; only "format" in the table meta, by which a file of another
 * version is told, is bare.
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

/* What stands behind the checksum, borrowed. False: nothing can. */
bool store_without_sum(const MDB_val *stored, MDB_val *data);

/* These give 0, or what is wrong, as LMDB says it. */
int store_open_env(const char *path, unsigned flags, MDB_env **env)
    __attribute__((warn_unused_result));

/* MDB_NOTFOUND: a new file. */
int store_check_format(MDB_txn *txn, MDB_dbi meta)
    __attribute__((warn_unused_result));

/* Makes those that are missing, and the format: txn writes. */
int store_open_tables(MDB_txn *txn, MDB_dbi dbi[STORE_TABLES])
    __attribute__((warn_unused_result));

/* That a file which is not there or empty is sound goes without saying. flags:
 * MDB_RDONLY when nothing will be written to it. */
int store_examine(const char *path, unsigned flags)
    __attribute__((warn_unused_result));

#endif
