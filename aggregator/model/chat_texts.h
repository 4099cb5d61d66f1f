/*
 * chat_texts: the texts of one chat's messages, for --explain: struct model,
 * text_of. A text is kept for each version of a message.
 */
#ifndef AGGREGATOR_MODEL_CHAT_TEXTS_H
#define AGGREGATOR_MODEL_CHAT_TEXTS_H

#include "aggregator/model/model_data.h"

/* Keeps the text of a message if its chat is the one. */
void texts_keep(struct model *m, const struct record *r);

#endif
