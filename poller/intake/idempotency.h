/*
 * idempotency: recognizes repeated requests of HTTP clients by their header
 * Idempotency-Key (for assignments see assign/reservation.c). A key is
 * remembered for a day, so a client that received no answer may repeat its
 * request. The repeated request creates the same records, with the time of the
 * first. The database keeps them as one row, because rows are identified by id
 * and time. The client gets the same answer (route_collect.c,
 * route_messages.c). After that the key may be used for another request
 * (intake/route.h).
 *
 * Keys are looked up in memory. The intake stores each together with the lines
 * of its request (request_store.h), so the store always has the key of an
 * answered request. A repeated request stores its key again, because the first
 * one may have failed. Above the limit the oldest keys are dropped.
 *
 * Any thread may call any function at any time.
 */
#ifndef POLLER_INTAKE_IDEMPOTENCY_H
#define POLLER_INTAKE_IDEMPOTENCY_H

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "poller/intake/request_store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDEMPOTENCY_WINDOW_MS DAY_MS

/* Maximum length of a client's key in bytes. */
#define IDEMPOTENCY_KEY_MAX 180

/* The remembered data of a request. */
struct idempotent {
	int64_t at;   /* when it first arrived; request_store.h reads it */
	uint64_t sum; /* checksum of its body */
};

enum idempotency_verdict {
	IDEMPOTENCY_NEW,
	IDEMPOTENCY_AGAIN, /* a repeated request: *r is as it was the first
			    * time */
	IDEMPOTENCY_OTHER, /* the key belongs to another request */
};

struct idempotency;

/* Reads the keys of the store, which is NULL in a check or a test. Owned by the
 * caller; NULL and *why if they cannot be read. */
struct idempotency *idempotency_open(struct request_store *store, size_t max,
    struct buf *why) __attribute__((warn_unused_result));

/* m may be NULL. */
void idempotency_close(struct idempotency *m);

/* Forgets keys that are a day old. Call it regularly. */
void idempotency_expire(struct idempotency *m, int64_t now_ms);

/* Looks up the key and, if it is new, remembers *r. kind separates the keys of
 * unrelated routes. Sets *entry to what must be stored with the request's
 * records; empty: nothing, because the key belongs to another request. */
enum idempotency_verdict idempotency_first(struct idempotency *m,
    const char *tenant, const char *kind, const char *key, struct idempotent *r,
    struct buf *entry);

#endif
