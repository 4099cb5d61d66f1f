/*
 * chat_versions: adds a message to its chat, or recognizes it as another
 * version of a known message: a later version replaces the known one, except
 * for its time; others are dropped. Of two versions, the one with the later
 * updated_at is newer. Without updated_at, the later arrival counts, unless it
 * is delivered again.
 */
#ifndef AGGREGATOR_MODEL_CHAT_VERSIONS_H
#define AGGREGATOR_MODEL_CHAT_VERSIONS_H

#include "aggregator/model/model_data.h"

/* Takes over a message, with its id and its names. */
enum model_result messages_add(
    struct model *m, struct chat *c, const struct message *new);

/* Recognizes repeated messages; call before a chat is derived, unless the model
 * is incremental. */
void messages_identify(struct model *m, struct chat *c);

#endif
