/*
 * chat_change: how a chat changes. This is the only entry: messages and chat
 * records go to their chat here, and snapshots correct what came before.
 * Afterwards the chat is dirty, and is brought up to date here, too.
 */
#ifndef AGGREGATOR_MODEL_CHAT_CHANGE_H
#define AGGREGATOR_MODEL_CHAT_CHANGE_H

#include "aggregator/model/model_data.h"

/* Takes a record of a message. Sets *to to its chat. */
enum model_result chat_take_message(
    struct model *m, const struct record *r, struct chat **to);

/* Takes a chat record of that time. */
void chat_take_record(struct model *m, const struct record *r, int64_t at);

/* Call for a complete snapshot, which is the newest one: chats that it lacks
 * may change. */
void chats_end_snapshot(struct model *m);

/* Bringing one chat up to date: its messages are sorted, it is derived
 * (derive.h) and credited (chat_credits.h), and past episodes are dropped
 * (drop_records.h). */

void chat_recompute(struct model *m, struct chat *c);

/* Loads the messages of a chat of which only the packed head is known, and
 * derives its intervals. */
void chat_load(struct model *m, struct chat *c);

/* Loads only the messages. */
void chat_fetch(struct model *m, struct chat *c);

#endif
