/*
 * db_pool: connections to the database for threads that need one each for the
 * length of a request. There are as many as threads, so nobody waits.
 */
#ifndef SINK_SERVE_DB_POOL_H
#define SINK_SERVE_DB_POOL_H

#include "common/db/db.h"

#include <stddef.h>

struct db_pool;

/* n connections like db, which is borrowed; none is connected yet. Owned. */
struct db_pool *db_pool_open(const struct db *db, size_t n)
    __attribute__((warn_unused_result));

/* Takes a connection for the calling thread, and gives it back. */
struct db *db_pool_take(struct db_pool *p) __attribute__((warn_unused_result));
void db_pool_give(struct db_pool *p, struct db *db);

/* All must have been given back. NULL is fine. */
void db_pool_close(struct db_pool *p);

#endif
