/*
 * model_memory: the memory of a model that only the files of this room use.
 */
#ifndef AGGREGATOR_MODEL_MODEL_MEMORY_H
#define AGGREGATOR_MODEL_MODEL_MEMORY_H

#include "aggregator/containers/dedup.h"
#include "aggregator/model/derive.h"
#include "aggregator/model/model_data.h"

struct model_private {
	struct arena arena; /* for chats, descriptions and messages */
	/* Arrays of messages that no chat uses, by the logarithm of their
	 * size; descriptions and chats that nobody uses. */
	struct message_array *arrays[32];
	struct description *free_descriptions;
	struct chat **free;
	size_t free_n, free_cap;

	/* The table of chats by id. */
	uint64_t *slots; /* pointer | 16 bits of the hash << 48 */
	size_t slot_mask;

	int64_t expired_at;  /* the time of drop_chats.c at which chats last
			      * expired */
	struct dedup events; /* see identities_of() */
	struct strmap texts; /* see chat_texts.h */

	struct timeline_scratch sorting; /* of messages */
	struct derive_scratch scratch;
};

#endif
