/*
 * chat_descriptions: the contents of a chat's records, from the newest to the
 * oldest, each with a time of its own. Of two with the same time, the later
 * arrival counts, unless it is delivered again, and inherits fields from the
 * other. An incremental model inserts each description in its place; any other
 * model sorts them once, when the chat is derived.
 */
#ifndef AGGREGATOR_MODEL_CHAT_DESCRIPTIONS_H
#define AGGREGATOR_MODEL_CHAT_DESCRIPTIONS_H

#include "aggregator/model/model_data.h"

/* Takes over the description's references to names. */
void descriptions_add(
    struct model *m, struct chat *c, const struct description *d);

/* Sorts the descriptions of a model that is not incremental. */
void descriptions_sort(struct model *m, struct chat *c);

/* Returns one that belongs to no chat, to be filled in. */
struct description *descriptions_new(struct model *m);

/* Frees a description that is in no list, and drops its names. */
void description_free(struct model *m, struct description *d);

/* Frees all descriptions of the chat. */
void descriptions_free(struct model *m, struct chat *c);

#endif
