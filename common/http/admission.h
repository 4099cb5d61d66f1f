/*
 * admission: the limits of clients: connections of all and of one client, and
 * requests a second of one client (token buckets); and which client a proxy
 * speaks for.
 *
 * Called by all threads of the server; locks are held for the look into a
 * table. Memory depends on the limits alone, not on the addresses: the buckets
 * are a table of fixed size, in which the one unused for longest is replaced.
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
	struct networks proxies; /* owned by the admission */
};

struct admission *admission_open(const struct admission_limits *limits)
    __attribute__((warn_unused_result));
void admission_close(struct admission *a);

/* A connection begins: false when there are too many. For each that is admitted
 * admission_leave() is called at its end. Those of proxies count towards the
 * limit of all only. */
bool admission_enter(struct admission *a, const struct address *peer)
    __attribute__((warn_unused_result));
void admission_leave(struct admission *a, const struct address *peer);

/* The client of a request: the peer, or, if that is a proxy, the last address
 * in the list of X-Forwarded-For that is no proxy; "::" when none is named, or
 * not by an address. forwarded may be NULL. */
struct address admission_client(const struct admission *a,
    const struct address *peer, const char *forwarded);

/* A request of that client, now by the monotonic clock: 0, or the seconds after
 * which it may try again. */
int admission_take(
    struct admission *a, const struct address *client, int64_t now_ms);

#endif
