/*
 * chat_messages: the messages in a chat: their memory, their order, and the
 * search for an id. Messages are appended; sorting moves them. Whether a
 * message is new is decided in chat_versions.h.
 */
#ifndef AGGREGATOR_MODEL_CHAT_MESSAGES_H
#define AGGREGATOR_MODEL_CHAT_MESSAGES_H

#include "aggregator/model/model_data.h"

/* Appends a message to the chat, for the caller to fill in. */
struct message *messages_append(struct model *m, struct chat *c);

/* Removes the first n messages. */
void messages_drop(struct model *m, struct chat *c, size_t n);

void messages_sort(struct model *m, struct chat *c);

/* Call when messages of the chat have moved. */
void messages_moved(struct chat *c);

/* Returns the index of the message with that id, or c->n. */
size_t messages_find(struct chat *c, message_id id);

/* Call for the id of each message: a number that is greater than those of all
 * messages in the chat is new. So are most ids, without a search. */
static inline void
messages_note_id(struct chat *c, message_id id)
{
	if (!message_id_is_text(id) && id > c->greatest)
		c->greatest = id;
}

#endif
