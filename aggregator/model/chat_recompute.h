/*
 * chat_recompute: brings one chat up to date: sorts its messages, derives it
 * (derive.h), credits it (chat_credits.h), and drops past episodes
 * (drop_episodes.h).
 */
#ifndef AGGREGATOR_MODEL_CHAT_RECOMPUTE_H
#define AGGREGATOR_MODEL_CHAT_RECOMPUTE_H

#include "aggregator/model/model_data.h"

void chat_recompute(struct model *m, struct chat *c);

/* Recomputes the chat if something must be dropped before the description or
 * (NULL) the records of a snapshot are added. */
void chat_recompute_before(
    struct model *m, struct chat *c, const struct description *d);

/* Loads the messages of a chat of which only the packed head is known, and
 * derives its intervals. */
void chat_load(struct model *m, struct chat *c);

/* Loads only the messages. */
void chat_fetch(struct model *m, struct chat *c);

#endif
