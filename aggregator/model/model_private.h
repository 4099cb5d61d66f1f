/*
 * model_private: what only the files of this room use of a model: its memory,
 * questions about its times (see the table in model.h), what was delivered
 * before, and what must be derived and written.
 */
#ifndef AGGREGATOR_MODEL_MODEL_PRIVATE_H
#define AGGREGATOR_MODEL_MODEL_PRIVATE_H

#include "common/base/clock.h"

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
	struct strmap texts; /* see texts_keep() */

	struct timeline_scratch sorting; /* of messages */
	struct derive_scratch scratch;
};

/* Returns the time, limited to the clock if that is a bound. */
static inline int64_t
model_by_clock(const struct model *m, int64_t at)
{
	int64_t now = m->by_clock ? clock_now_ms() + m->ahead : at;

	return at < now ? at : now;
}

/* Returns the beginning of the window; INT64_MIN: it has none. */
static inline int64_t
model_window_start(const struct model *m)
{
	return m->window > 0 && m->as_of != CLOCK_NONE ? m->as_of - m->window
						       : INT64_MIN;
}

/* True if it is older than the window. */
static inline bool
model_is_late(const struct model *m, int64_t at)
{
	return at < model_window_start(m);
}

/* True while the records of a snapshot are added. */
static inline bool
model_in_snapshot(const struct model *m)
{
	return m->snapshot_at != CLOCK_NONE;
}

/* What was delivered before. The ids of events, and other records to which only
 * their arrival gives a place in time, are remembered for a window. A message
 * is known while its chat has it (messages_add()). */

/* Returns the identities that have arrived within the window. An incremental
 * model lists new ones until they are packed (model_pack.h). */
struct dedup *identities_of(const struct model *m);

/* Remembers a record, which consists of the parts, absent or valid; `what` is
 * the kind of record. Returns false if it is known: it was delivered again. */
bool remember_arrival(
    struct model *m, char what, const struct text *parts, size_t n);

/* What must be derived and written. A model that is not incremental lists
 * nothing, because everything is derived and written once. */

/* Lists the chat as changed; derive: it must also be recomputed. */
void touch_chat(struct model *m, struct chat *c, bool derive);

/* Lists the operator as changed. */
void touch_operator(struct model *m, struct operator_info *o);

#endif
