/*
 * admission: who may come in, and how often: connections in all and of one
 * client, requests a second of one client (a token bucket each), and who the
 * client of a proxy is.
 *
 * Called by all threads of the listener; a lock is held for a look into a
 * table. Memory is bounded by the limits alone, whatever the addresses: the
 * buckets are a fixed table, in which the one that rested longest gives way.
 */
#ifndef COMMON_HTTP_ADMISSION_H
#define COMMON_HTTP_ADMISSION_H

#include "common/http/address.h"

#include <stdint.h>

struct admission;

struct admission_limits {
	unsigned connections, per_address;
	unsigned rate; /* requests a second; 0: no limit */
	unsigned burst;
	struct networks proxies; /* taken over */
};

struct admission *admission_open(const struct admission_limits *limits)
    __attribute__((warn_unused_result));
void admission_close(struct admission *a);

/* A connection: false when there are too many. One that was let in is told
 * when it goes. Proxies count in all only. */
bool admission_enter(struct admission *a, const struct address *peer)
    __attribute__((warn_unused_result));
void admission_leave(struct admission *a, const struct address *peer);

/* Whose request it is: the peer's, or, if that is a proxy, of the last in the
 * list of X-Forwarded-For who is none; of one who is not named, or not by an
 * address, "::", who is nobody. forwarded may be NULL. */
struct address admission_client(const struct admission *a,
    const struct address *peer, const char *forwarded);

/* A request of that client at that time of the monotonic clock: 0, or the
 * seconds after which it may come again. */
int admission_take(
    struct admission *a, const struct address *client, int64_t now_ms);

#endif
