/*
 * route_ids: names for what comes in without one.
 */
#ifndef POLLER_ROUTES_ROUTE_IDS_H
#define POLLER_ROUTES_ROUTE_IDS_H

#include <stddef.h>

/* Room for each, NUL included. */
#define ROUTE_ID 48

/* A random UUID (version 4). */
void route_uuid(char id[ROUTE_ID]);

/* msg-<nanoseconds since 1970>, as the original makes them, but no two the
 * same: the clock's microseconds, or one more than the last; behind them three
 * digits that are this process's alone among those of the machine. */
void route_message_id(char id[ROUTE_ID]);

/* conv- and 24 hexadecimal digits, which follow from two people in whichever
 * order: HMAC-SHA256 with the key "conversation" of both ids, the lesser one
 * first, and a NUL between them. */
void route_conversation(const char *a, const char *b, char id[ROUTE_ID]);

#endif
