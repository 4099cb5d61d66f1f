/*
 * chat_table: the chats of a model by their ids, and the messages of each.
 * Chats are in a hash table whose slots are pointers with bits of the hash, so
 * that a search seldom reads another chat. model_find_chat(),
 * model_prefetch() and model_text() (model_data.h) read what is kept here.
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

/* The messages in a chat: their memory, their order, and the search for an id.
 * Messages are appended; sorting moves them. */

/* Appends a message to the chat, for the caller to fill in. */
struct message *messages_append(struct model *m, struct chat *c);

/* Removes the first n messages. */
void messages_drop(struct model *m, struct chat *c, size_t n);

void messages_sort(struct model *m, struct chat *c);

/* Call for the id of each message: a number that is greater than those of all
 * messages in the chat is new. So are most ids, without a search. */
static inline void
messages_note_id(struct chat *c, message_id id)
{
	if (!message_id_is_text(id) && id > c->greatest)
		c->greatest = id;
}

/* A message is added to its chat, or recognized as another version of a known
 * message: a later version replaces the known one, except for its time; others
 * are dropped. Of two versions, the one with the later updated_at is newer.
 * Without updated_at, the later arrival counts, unless it is delivered again.
 */

/* Takes over a message, with its id and its names. */
enum model_result messages_add(
    struct model *m, struct chat *c, const struct message *new);

/* Recognizes repeated messages; call before a chat is derived, unless the model
 * is incremental. */
void messages_identify(struct model *m, struct chat *c);

/* The texts of one chat's messages, for --explain: struct model, text_of. A
 * text is kept for each version of a message. */

/* Keeps the text of a message if its chat is the one. */
void texts_keep(struct model *m, const struct record *r);

#endif
