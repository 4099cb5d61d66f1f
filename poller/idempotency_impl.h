/*
 * idempotency_impl: what idempotency.c does with keys and
 * idempotency_store.c keeps on disk; nobody else includes it.
 */
#ifndef POLLER_IDEMPOTENCY_IMPL_H
#define POLLER_IDEMPOTENCY_IMPL_H

#include "poller/idempotency.h"

struct idempotency_store;

struct idempotency_store *idempotency_store_open(const char *dir, size_t max,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));
void idempotency_store_close(struct idempotency_store *s);

/* One caller at a time. The key is bytes. */
enum idempotency_verdict idempotency_store_first(struct idempotency_store *s,
    const void *key, size_t len, struct idempotent *r);

/* What is known of a key, *known, is compared with what came, *r. */
enum idempotency_verdict idempotency_compare(
    const struct idempotent *known, struct idempotent *r);

#endif
