/*
 * idempotency: what a client sent before. A request that bears a key (header
 * Idempotency-Key) is remembered by it for a day, so that a client who got no
 * answer may send it again: the same records come of it, with the time of the
 * first, and are one row, because tables go by identity and time.
 *
 * It is kept in memory, and with a folder written to DIR/keys, too, without
 * fsync: it survives the end of a process, however that comes; what a machine
 * that goes down hard loses of it, or somebody damages, is told at the next
 * start. Without a folder fewer are kept. Above the limit the oldest go.
 *
 * Any thread may ask at any time.
 */
#ifndef POLLER_IDEMPOTENCY_IDEMPOTENCY_H
#define POLLER_IDEMPOTENCY_IDEMPOTENCY_H

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDEMPOTENCY_WINDOW_MS DAY_MS

/* Of a client's key, in bytes: its records' ids begin with it. */
#define IDEMPOTENCY_KEY_MAX 180

/* Kept at most without a folder. */
#define IDEMPOTENCY_IN_MEMORY 100000

/* Of a request, what must be the same again. */
struct idempotent {
	int64_t at;    /* when it first came */
	uint64_t sum;  /* of what it said */
	uint64_t note; /* what else was decided then */
};

enum idempotency_verdict {
	IDEMPOTENCY_NEW,
	IDEMPOTENCY_AGAIN,  /* *r is as it was the first time */
	IDEMPOTENCY_OTHER,  /* the key is that of another request */
	IDEMPOTENCY_FAILED, /* nothing is known: a full disk, ... */
};

struct idempotency;

/* NULL, the code and *why. Owned. */
struct idempotency *idempotency_open(const char *dir, size_t max,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* NULL is fine. */
void idempotency_close(struct idempotency *m);

/* Some were missing when it was opened, which was told. */
bool idempotency_is_damaged(const struct idempotency *m);

/* kind parts keys of routes that have nothing to do with each other. */
enum idempotency_verdict idempotency_first(struct idempotency *m,
    const char *tenant, const char *kind, const char *key,
    struct idempotent *r);

#endif
