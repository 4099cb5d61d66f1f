/*
 * chat_table: the chats of a model by their ids: a hash table whose slots are
 * pointers with bits of the hash, so that a search seldom reads another chat.
 * model_find_chat() and model_prefetch() (model_data.h) read it.
 */
#ifndef AGGREGATOR_MODEL_CHAT_TABLE_H
#define AGGREGATOR_MODEL_CHAT_TABLE_H

#include "aggregator/model/model_data.h"

/* Returns the chat with that id, created if new. Chats never move. */
struct chat *chats_get(struct model *m, struct text id);

/* Removes a chat without messages, descriptions and names; a later chat reuses
 * its memory. */
void chats_remove(struct model *m, struct chat *c);

/* Frees all chats. Does not drop names, because the interner is released,
 * too. */
void chats_release(struct model *m);

#endif
