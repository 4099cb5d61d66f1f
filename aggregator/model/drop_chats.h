/*
 * drop_chats: drops closed chats after the window: first their messages, then
 * the chats.
 */
#ifndef AGGREGATOR_MODEL_DROP_CHATS_H
#define AGGREGATOR_MODEL_DROP_CHATS_H

#include "aggregator/model/model_data.h"

/* Marks chats that nobody needs any more as gone. Looks at all chats 24 times
 * in a window, so at each closed chat some 50 times before it is freed. */
void chats_expire(struct model *m);

/* The model was read from the state: chats had expired by then. */
void chats_note_expired(struct model *m);

/* Frees a chat that is gone. */
void chats_free(struct model *m, struct chat *c);

#endif
