/*
 * route_ids: ids for messages, events and conversations that come without one.
 */
#ifndef POLLER_ROUTES_ROUTE_IDS_H
#define POLLER_ROUTES_ROUTE_IDS_H

/* Room for each, NUL included. */
#define ROUTE_ID 48

/* A random UUID (version 4). */
void route_uuid(char id[ROUTE_ID]);

/* msg-<nanoseconds since 1970>, as the original makes them, but unique: the
 * clock's microseconds, or one more than the last; then three digits that no
 * other process of the machine has. */
void route_message_id(char id[ROUTE_ID]);

/* conv- and 24 hexadecimal digits, the same for two people in either order:
 * HMAC-SHA256 with the key "conversation" of both ids, the lesser one first,
 * and a NUL between them. */
void route_conversation(const char *a, const char *b, char id[ROUTE_ID]);

#endif
