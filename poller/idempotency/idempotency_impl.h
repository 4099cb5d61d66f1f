/*
 * idempotency_impl: the keys on disk, for idempotency.c alone.
 */
#ifndef POLLER_IDEMPOTENCY_IDEMPOTENCY_IMPL_H
#define POLLER_IDEMPOTENCY_IDEMPOTENCY_IMPL_H

#include "poller/idempotency/idempotency.h"

#include <stdbool.h>

struct idempotency_disk;

struct idempotency_disk *idempotency_disk_open(const char *dir,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));
void idempotency_disk_close(struct idempotency_disk *s);

/* Keys are missing, which was logged. */
bool idempotency_disk_is_damaged(const struct idempotency_disk *s);

/* Calls back for each key, the oldest first; a later one of the same key
 * counts. -1 and *why. Before anything is added. */
typedef void idempotency_key_fn(void *ctx, const char *key, size_t len,
    const struct idempotent *r, uint64_t number);
int idempotency_disk_each(struct idempotency_disk *s, idempotency_key_fn *each,
    void *ctx, struct buf *why) __attribute__((warn_unused_result));

/* Adds a key. Its number; 0: it cannot be written, which was logged. */
uint64_t idempotency_disk_add(struct idempotency_disk *s, const char *key,
    size_t len, const struct idempotent *r);

/* Removes keys up to that number, file by file. */
void idempotency_disk_remove_up_to(struct idempotency_disk *s, uint64_t number);

/* What is added from now on goes into another file, which is removed later. */
void idempotency_disk_end_file(struct idempotency_disk *s);

/* Removes all keys. */
void idempotency_disk_clear(struct idempotency_disk *s);

#endif
