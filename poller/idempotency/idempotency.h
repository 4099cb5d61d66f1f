/*
 * idempotency: keys of requests of HTTP clients that came before (header
 * Idempotency-Key); assignments: assign/reservation_decide.c. A key is
 * remembered for a day, so that a client that got no answer may repeat the
 * request: it makes the same records, with the time of the first, which are one
 * row, because rows are identified by id and time, and gets the same answer
 * (routes/route_collect.c, route_messages.c). Later the key may be used for
 * something else (routes/route_ids.h).
 *
 * Keys are in memory and, with a folder, in DIR/keys, without fsync: they
 * survive any end of the process, not every crash of the machine; the next
 * start logs what is missing or damaged. Without a folder fewer are kept. Above
 * the limit the oldest are dropped.
 *
 * Any thread may call idempotency_first() and idempotency_expire() at any time.
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

/* Of a client's key, in bytes. */
#define IDEMPOTENCY_KEY_MAX 180

/* Kept at most without a folder. */
#define IDEMPOTENCY_IN_MEMORY 100000

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
	IDEMPOTENCY_FAILED, /* it cannot be remembered: a full disk, ... */
};

struct idempotency;

/* NULL, the code and *why. Owned. */
struct idempotency *idempotency_open(const char *dir, size_t max,
    enum exit_code *code, struct buf *why) __attribute__((warn_unused_result));

/* NULL is fine. */
void idempotency_close(struct idempotency *m);

/* Keys were missing when it was opened, which was logged. */
bool idempotency_is_damaged(const struct idempotency *m);

/* Forgets keys that are a day old; call it now and then. On the disk they stay
 * for another day at most. */
void idempotency_expire(struct idempotency *m, int64_t now_ms);

/* Looks the key up, and remembers *r if it is new. kind separates the keys of
 * unrelated routes. */
enum idempotency_verdict idempotency_first(struct idempotency *m,
    const char *tenant, const char *kind, const char *key,
    struct idempotent *r);

#endif
