/*
 * model_impl: shared by the files of the model. No other file includes it.
 *
 *   model.c            takes records; operators, events, snapshots
 *   model_recompute.c  derives chats and updates what metrics read
 *   model_standing.c   the state of a chat for an allocation
 *   model_pack.c       the packed form for the state; erases customers
 *   model_chats.c      the chats: their table, messages and descriptions; its
 *                      functions begin with chats_ and messages_
 */
#ifndef AGGREGATOR_MODEL_MODEL_IMPL_H
#define AGGREGATOR_MODEL_MODEL_IMPL_H

#include "aggregator/clocks/timeline.h"
#include "aggregator/containers/dedup.h"
#include "aggregator/containers/key_set.h"
#include "aggregator/model/model.h"

/* A chat record without a status describes an open chat. */
static inline enum chat_status
status_or_open(const struct description *d)
{
	return d->status == CHAT_NONE ? CHAT_OPEN : d->status;
}

/* Chats are derived one after another: the results of the current one are in
 * memory that the next one reuses. */
struct derivation {
	/* For the current chat, oldest first. */
	const struct description **descriptions;
	size_t descriptions_n, descriptions_cap;
	struct mark *marks;
	size_t marks_cap;
	struct key_set participants; /* of the current episode */
	struct interval *intervals;
	size_t intervals_n, intervals_cap;
	struct timeline_scratch timeline;
};

/* The messages of a large chat by their ids. */
struct id_index {
	size_t mask;
	uint32_t n;       /* the first n messages have slots */
	uint32_t slots[]; /* index of a message + 1; 0: free */
};

struct model_private {
	struct arena arena; /* for chats, descriptions and messages */
	/* Arrays of messages that no chat uses, by the logarithm of their
	 * size. */
	struct message_array *arrays[32];

	/* The table of chats by id. */
	uint64_t *slots; /* pointer | 16 bits of the hash << 48 */
	size_t slot_mask;
	struct description *free_descriptions;
	struct chat **free;
	size_t free_n, free_cap;
	int64_t expired_at; /* the model_expiry_time() at which chats last
			     * expired */

	struct dedup events; /* see model_events() */

	struct strmap texts; /* texts of messages, see struct model: text_of */

	struct derivation derivation;
};

/* model.c. */

/* Returns the operator whose id is that name, created if new. */
struct operator_info *model_operators_get(struct model *m, uint32_t id);
/* Lists the operator as changed. */
void model_operators_touch(struct model *m, struct operator_info *o);
/* Returns the identities of events that have arrived within the window. An
 * incremental model lists new ones until they are packed (model_pack.h). A
 * message is known while its chat has it. */
struct dedup *model_events(const struct model *m);

/* Remembers, for a window, a record to which only its arrival gives a place in
 * time. It consists of the parts, which are absent or valid; `what` is the kind
 * of record. Returns false if it is known: it was delivered again. */
bool model_remember(
    struct model *m, char what, const struct text *parts, size_t n);

/* Returns the time, limited to the clock if that is a bound. */
static inline int64_t
model_by_clock(const struct model *m, int64_t at)
{
	int64_t now = m->by_clock ? clock_now_ms() + m->ahead : at;

	return at < now ? at : now;
}

/* True if it is older than the window. */
static inline bool
model_is_late(const struct model *m, int64_t at)
{
	return m->window > 0 && m->as_of != CLOCK_NONE &&
	       at < m->as_of - m->window;
}

/* True while the records of a snapshot are added. */
static inline bool
model_in_snapshot(const struct model *m)
{
	return m->snapshot_at != CLOCK_NONE;
}

/* Call for the id of each message: a number that is greater than those of all
 * messages in the chat is new. So are most ids, without a search. */
static inline void
model_note_id(struct chat *c, message_id id)
{
	if (!message_id_is_text(id) && id > c->greatest)
		c->greatest = id;
}

/* model_chats.c. */

/* Returns the chat with that id, created if new. */
struct chat *chats_get(struct model *m, struct text id);
void chats_free(struct model *m, struct chat *c);
void chats_free_all(struct model *m);
/* Lists the chat as changed; derive: it must also be recomputed. */
void chats_touch(struct model *m, struct chat *c, bool derive);

/* Takes over a message, with its id and its names. */
enum model_result chats_add_message(
    struct model *m, struct chat *c, const struct message *new);
/* Recognizes repeated messages; call before a chat is derived, unless the model
 * is incremental. */
void messages_identify(struct model *m, struct chat *c);
/* Appends a message to the chat, for the caller to fill in. */
struct message *messages_append(struct model *m, struct chat *c);
/* Call when messages of the chat have moved. */
void messages_moved(struct chat *c);
/* Removes the first n messages. */
void chats_drop_messages(struct model *m, struct chat *c, size_t n);

/* Takes over the description's references to names. Call
 * model_recompute_before() first. */
void chats_add_description(
    struct model *m, struct chat *c, const struct description *d);
/* Returns one to be filled in. */
struct description *chats_new_description(struct model *m);
/* Sorts them newest first; those of an incremental model are sorted. Each has a
 * time of its own. */
void chats_sort_descriptions(struct model *m, struct chat *c);
/* Sets c->now from the sorted descriptions. */
void chats_describe(struct chat *c);

/* model_recompute.c. */

/* Lists the chat's descriptions, oldest first. */
void model_gather_descriptions(struct derivation *w, const struct chat *c);
/* Fetches the messages of an unpacked chat. */
void model_load_chat(struct model *m, struct chat *c);
/* Call before a description, which may report an opening or closing before the
 * window, and (d: NULL) before the records of a snapshot, whose messages may be
 * older: drops data that are old enough, so that the result does not depend on
 * whether a row was written meanwhile. */
void model_recompute_before(
    struct model *m, struct chat *c, const struct description *d);
/* Returns the newest time at which chats expire: 24 times in a window, whenever
 * the tenant is recomputed and wherever the process was restarted. */
int64_t model_expiry_time(const struct model *m);
/* Credits to operators and totals what is known of an unpacked chat. */
void model_credit_unpacked(struct model *m, struct chat *c);

#endif
