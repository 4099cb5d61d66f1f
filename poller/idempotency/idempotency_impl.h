/*
 * idempotency_impl: the keys on disk, for idempotency.c alone.
 */
#ifndef POLLER_IDEMPOTENCY_IDEMPOTENCY_IMPL_H
#define POLLER_IDEMPOTENCY_IDEMPOTENCY_IMPL_H

#include "poller/idempotency/idempotency.h"

#include <stdbool.h>

struct idempotency_store;

struct idempotency_store *idempotency_store_open(const char *dir,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));
void idempotency_store_close(struct idempotency_store *s);

/* Keys are missing, which was logged. */
bool idempotency_store_is_damaged(const struct idempotency_store *s);

/* Calls back for each key, the oldest first; a later one of the same key
 * counts. -1 and *why. Before anything is added. */
typedef void idempotency_key_fn(void *ctx, const char *key, size_t len,
    const struct idempotent *r, uint64_t number);
int idempotency_store_each(struct idempotency_store *s,
    idempotency_key_fn *each, void *ctx, struct buf *why)
    __attribute__((warn_unused_result));

/* Adds a key. Its number; 0: it cannot be written, which was logged. */
uint64_t idempotency_store_add(struct idempotency_store *s, const char *key,
    size_t len, const struct idempotent *r);

/* Removes keys up to that number, file by file. */
void idempotency_store_remove_up_to(
    struct idempotency_store *s, uint64_t number);

/* What is added from now on goes into another file, which is removed later. */
void idempotency_store_end_file(struct idempotency_store *s);

/* Removes all keys. */
void idempotency_store_clear(struct idempotency_store *s);

#endif
