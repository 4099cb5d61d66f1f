/*
 * idempotency: keys of requests of HTTP clients that came before (header
 * Idempotency-Key); assignments: assign/reservation.c. A key is
 * remembered for a day, so that a client that got no answer may repeat the
 * request: it makes the same records, with the time of the first, which are one
 * row, because rows are identified by id and time, and gets the same answer
 * (route_collect.c, route_messages.c). Later the key may be used for
 * something else (intake/route.h).
 *
 * Keys are looked up in memory. The intake writes them to its store, with the
 * lines of their requests or before them; so a key is never missing there when
 * its request was answered. Above the limit the oldest are dropped.
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

/* Of a client's key, in bytes. */
#define IDEMPOTENCY_KEY_MAX 180

/* What is remembered of a request. */
struct idempotent {
	int64_t at;    /* when it first came */
	uint64_t sum;  /* checksum of its body */
	uint64_t note; /* of the route: what else it decided then */
};

enum idempotency_verdict {
	IDEMPOTENCY_NEW,
	IDEMPOTENCY_AGAIN,  /* *r is as it was the first time */
	IDEMPOTENCY_OTHER,  /* the key is that of another request */
	IDEMPOTENCY_FAILED, /* the store takes no keys: a full disk, ... */
};

struct idempotency;

/* Reads the keys of the store; NULL: there is none, of a check or a test. NULL
 * and *why when they cannot be read. Owned. */
struct idempotency *idempotency_open(struct request_store *store, size_t max,
    struct buf *why) __attribute__((warn_unused_result));

/* NULL is fine. */
void idempotency_close(struct idempotency *m);

/* Forgets keys that are a day old; call it now and then. */
void idempotency_expire(struct idempotency *m, int64_t now_ms);

/* Looks the key up, and remembers *r if it is new. kind separates the keys of
 * unrelated routes. */
enum idempotency_verdict idempotency_first(struct idempotency *m,
    const char *tenant, const char *kind, const char *key,
    struct idempotent *r);

/* Between begin and commit of the store: adds the keys that are new, and drops
 * those that were forgotten. done: whether that was committed; if it was not,
 * the next call adds them again. One thread. */
void idempotency_save(struct idempotency *m, struct request_store *store);
void idempotency_saved(struct idempotency *m, bool done);

#endif
