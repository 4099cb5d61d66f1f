/*
 * chat_change: how a chat changes. This is the only entry: messages and chat
 * records go to their chat here, and snapshots correct what came before.
 * Afterwards the chat is dirty; chat_recompute.h derives it again.
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

#endif
