/*
 * model_impl: shared by the files of the model. No other file includes it.
 * There are no circular calls among these files.
 *
 *   model.c               takes records; the messages of a chat; which records
 *                         have arrived already
 *   model_operators.c     operators
 *   model_chats.c         the table of chats and their memory
 *   model_descriptions.c  what chat records report about a chat
 *   model_recompute.c     updates what metrics read
 *   model_derive.c        derives chats
 *   model_standing.c      the state of a chat for an allocation
 *   model_snapshot.c      snapshots that correct a model
 *   model_forget_customer.c  removes the data about a customer
 *   model_pack.c          the packed form for the state
 */
#ifndef AGGREGATOR_MODEL_MODEL_IMPL_H
#define AGGREGATOR_MODEL_MODEL_IMPL_H

#include "aggregator/clocks/timeline.h"
#include "aggregator/containers/dedup.h"
#include "aggregator/containers/key_set.h"
#include "aggregator/model/model.h"
#include "common/containers/pack.h"

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
	int64_t expired_at; /* the chats_expiry_time() at which chats last
			     * expired */

	struct dedup events; /* see model_events() */

	struct strmap texts; /* texts of messages, see struct model: text_of */

	struct derivation derivation;
};

/* model_operators.c. */

/* Returns the operator with that name, created if new. */
struct operator_info *model_operators_get(struct model *m, uint32_t id);
/* Takes an operator record. Returns false for an older record that changes
 * nothing. */
bool model_operators_add(struct model *m, const struct record *r);
/* Sets whether the operator is available (has: known), as of that time or, with
 * CLOCK_NONE, now. The later of two times counts. */
void model_operators_set_available(
    struct operator_info *o, bool has, bool available, int64_t at);
/* Lists the operator as changed. */
void model_operators_touch(struct model *m, struct operator_info *o);
void model_operators_set_listed(
    struct model *m, struct operator_info *o, bool listed);
void model_operators_sort(
    const struct model *m, struct operator_info **v, size_t n);
void model_operators_free(struct model *m);

/* model_chats.c. */

/* Returns the chat with that id, created if new. */
struct chat *chats_get(struct model *m, struct text id);
void chats_free(struct model *m, struct chat *c);
void chats_free_all(struct model *m);
/* Removes the first n messages. */
void chats_drop_messages(struct model *m, struct chat *c, size_t n);
void chats_sort(struct chat **v, size_t n);
/* Lists the chat as changed; derive: it must also be recomputed. */
void chats_touch(struct model *m, struct chat *c, bool derive);

/* model_descriptions.c. */

/* Takes over the description's references to names. Call
 * chats_recompute_before() first. */
void chats_add_description(
    struct model *m, struct chat *c, const struct description *d);
/* Sorts them newest first; those of an incremental model are sorted. */
void chats_sort_descriptions(const struct model *m, struct chat *c);
/* Sets c->now from the sorted descriptions. */
void chats_describe(struct chat *c);
void chats_free_descriptions(struct model *m, struct chat *c);
/* Packs or unpacks them. */
void descriptions_code(struct pack *k, struct model *m, struct chat *c);

/* model.c. */

/* Call when messages of the chat have moved. */
void messages_moved(struct chat *c);
/* Call before a chat is derived, unless the model is incremental. */
void messages_identify(struct model *m, struct chat *c);
/* Appends a message to the chat, for the caller to fill in. */
struct message *messages_append(struct model *m, struct chat *c);
/* Moves the messages to an array for that many: a power of two of at least
 * MESSAGES_LEAST or, if there are no messages, 0. The arrays are taken from the
 * arena, because a million messages in the small pages of malloc() take a tenth
 * more time. */
#define MESSAGES_LEAST 4u
void messages_resize(struct model *m, struct chat *c, uint32_t cap);
/* Returns the identities of events that have arrived within the window. An
 * incremental model lists new ones until they are packed (model_pack.h). A
 * message is known while its chat has it. */
struct dedup *model_events(const struct model *m);

/* Advances the tenant's time. */
void model_pass_time(struct model *m, int64_t at);

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

/* Returns the time of the newest complete snapshot of the chat's bucket if it
 * lacks the chat; otherwise CLOCK_NONE. */
static inline int64_t
model_missing_at(const struct model *m, const struct chat *c)
{
	int64_t at = m->whole_at[c->bucket];

	return at > c->listed_at ? at : CLOCK_NONE;
}

/* model_derive.c. */

/* What may be dropped: past episodes before the window. */
struct droppable {
	size_t messages, intervals;
	uint32_t assignee;
	int64_t assignee_until; /* older descriptions do not name the assignee;
				 * CLOCK_NONE: unknown */
	enum episode_state episode;
};

/* Sets the chat's present state from its records. */
void derive_state(struct model *m, struct chat *c);
/* Then walks over the chat: sets its figures, and the intervals of the
 * derivation. */
struct droppable derive_walk(struct model *m, struct chat *c);
void derivation_release(struct derivation *w);
/* Lists the chat's descriptions, oldest first. */
void derive_gather(struct derivation *w, const struct chat *c);
/* Removes the first messages, but keeps the last status that they report. */
void derive_drop_messages(struct model *m, struct chat *c, size_t messages);

/* Prefetches the next chats before the i-th of n chats is derived. */
void derive_prefetch(struct chat *const *v, size_t n, size_t i);

/* model_recompute.c. */

/* Fetches the messages of an unpacked chat. */
void chats_load(struct model *m, struct chat *c);
/* Call before a description, which may report an opening or closing before the
 * window, and (d: NULL) before the records of a snapshot, whose messages may be
 * older: drops data that are old enough, so that the result does not depend on
 * whether a row was written meanwhile. */
void chats_recompute_before(
    struct model *m, struct chat *c, const struct description *d);
/* Returns the newest time at which chats expire: 24 times in a window, whenever
 * the tenant is recomputed and wherever the process was restarted. */
int64_t chats_expiry_time(const struct model *m);
/* Credits to operators and totals what is known of an unpacked chat. */
void credit_unpacked(struct model *m, struct chat *c);

/* Packs a name as its text. */
static inline void
model_put_name(struct buf *b, const struct model *m, uint32_t name)
{
	pack_put_text(b, model_name(m, name));
}

/* Returns the name, held. */
static inline uint32_t
model_unpack_name(struct pack *r, struct model *m)
{
	return interner_get(&m->lexicon.names, pack_text(r));
}

/* Packs a name as its text; a name that is read is held. */
static inline void
model_code_name(struct pack *k, struct model *m, uint32_t *name)
{
	if (pack_reads(k))
		*name = model_unpack_name(k, m);
	else
		model_put_name(k->to, m, *name);
}

static inline void
model_code_status(struct pack *k, enum chat_status *status)
{
	uint32_t n = *status;

	code_limited(k, &n, CHAT_GONE);
	*status = (enum chat_status)n;
}

#endif
