/*
 * route_ids: ids for messages, events and conversations that come without one.
 */
#ifndef POLLER_ROUTES_ROUTE_IDS_H
#define POLLER_ROUTES_ROUTE_IDS_H

#include "common/http/web.h"

#include <stdbool.h>
#include <stdint.h>

/* Room for each, NUL included; for that of a key. */
#define ROUTE_ID 48
#define ROUTE_KEY_ID 181

/* A random UUID (version 4). */
void route_uuid(char id[ROUTE_ID]);

/* msg-<nanoseconds since 1970>, as the original makes them: the clock's
 * microseconds, or one more than the last, and three random digits, since
 * another process may write to the same conversation in the same one. */
void route_message_id(char id[ROUTE_ID]);

/* conv- and 24 hexadecimal digits, the same for two people in either order:
 * HMAC-SHA256 with the key "conversation" of both ids, the lesser one first,
 * and a NUL between them. */
void route_conversation(const char *a, const char *b, char id[ROUTE_ID]);

/* How a request with a key first came. */
struct first_request {
	int64_t at;
	uint64_t note; /* what else the route decided then */
};

/* The id of what a request with a key sends: the key (160 bytes of it), a
 * hyphen and 16 digits that depend on the key, the day, in UTC, and the body. A
 * key that is used again when it is forgotten is that of something else, so it
 * needs another id, or nobody counts that; and who repeats a request gets the
 * same one, even if its key was lost, unless a day of UTC has ended since. */
void route_key_id(const char *key, const struct web_request *r,
    const struct first_request *first, char id[ROUTE_KEY_ID]);

#endif
