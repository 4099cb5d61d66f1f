/*
 * totals: the expected contents of a database after the whole stream, as one
 * JSON object, counted while the stream is generated.
 *
 *   records, messages, duplicates, late, views, read, events   of all tenants
 *   tenants    {NAME: {the same, and counted}}
 *   conversations  [[tenant, chat, message_count, participant_count,
 *                   first_message_at, last_message_at, all], ...]
 *   users      [[tenant, user, message_count, chats, last_active], ...]
 *   event_counts   [[tenant, user, event, count], ...]
 *   channels   [[tenant, channel, hour, messages, inbound, outbound], ...]
 *
 * messages are the distinct ones that are not too late, of any kind; counted
 * and all message counts are those that messaging-metrics(7) counts (of
 * customer, operator and bot, neither private nor automated), and so are first,
 * last, chats and participants; all counts every message of the chat. read are
 * the messages with a read receipt. late ones count nowhere else. Times are in
 * ms.
 */
#ifndef TESTS_LOADGEN_TOTALS_H
#define TESTS_LOADGEN_TOTALS_H

#include "common/base/buf.h"
#include "tests/loadgen/world.h"

/* Counts a message of that person. */
void totals_message(
    struct world *w, struct chat *c, uint32_t person, bool inbound, int64_t at);

/* Fills in the rest and writes the JSON. */
void totals_write(struct world *w, uint64_t records, struct buf *to);

#endif
