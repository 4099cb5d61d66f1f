/*
 * model_impl: what the files of the model share and nobody else sees.
 */
#ifndef AGGREGATOR_MODEL_MODEL_IMPL_H
#define AGGREGATOR_MODEL_MODEL_IMPL_H

#include "aggregator/clocks/slab.h"
#include "aggregator/model/model.h"

/* An interval that was told of, as it is kept to tell of it being withdrawn.
 * The operator is held, the id is the message's. */
struct told {
	int64_t start, end;
	message_id message;
	uint32_t operator_id;
	uint8_t kind;
	bool skewed, said;
};

/* A chat that is told of without a status is an open one. */
static inline enum chat_status
status_said(const struct description *d)
{
	return d->status == CHAT_NONE ? CHAT_OPEN : d->status;
}

/* An identity that is to be packed. */
struct fresh_id {
	struct fingerprint f;
	uint16_t span;
	uint32_t user, event; /* of an event, held; 0 for messages */
	int64_t at;
};

/* A chat that may be forgotten when the window has passed `due`. */
struct leaving {
	int64_t due;
	struct chat *chat;
	uint32_t life;
};

/* Of a chat: the first message, the first description, oldest first. */
struct life {
	size_t message, said;
};

/* Who took part in an episode: a set that is emptied by counting serial. */
struct people {
	uint64_t *keys;
	uint32_t *serials;
	size_t mask;
	uint32_t serial, n;
	uint64_t last[2];
};

struct model_private {
	uint64_t hash_seed;

	struct slab slab; /* of messages */

	/* Chats by id. */
	uint64_t *slots; /* pointer | 16 bits of the hash << 48 */
	size_t slot_mask;
	struct chat **blocks; /* of memory, see model_chats.c */
	size_t blocks_n, blocks_cap, block_used;
	struct chat **free;
	size_t free_n, free_cap;
	struct leaving *leaving; /* a heap */
	size_t leaving_n, leaving_cap;

	/* What came already. */
	struct dedup seen, dedup_events;
	struct fresh_id *fresh;
	size_t fresh_n, fresh_cap;

	uint32_t *event_slots; /* index + 1 into the model's events */
	size_t event_mask;
	bool events_full;

	struct strmap texts; /* of messages of text_of */

	struct pending *pending; /* PENDING of them, see model_pending.c */
	size_t pending_n;

	/* Of the chat that was looked at last, see model_lives.c. */
	const struct description **said; /* oldest first */
	size_t said_n, said_cap;
	struct life *lives;
	size_t lives_n, lives_cap;
	struct mark *marks;
	size_t marks_cap;

	/* Used while settling. */
	struct people people;
	struct interval *intervals;
	size_t intervals_cap;
	struct credit *credits;
	size_t credits_cap;
};

/* model_chats.c */
struct chat *chats_get(struct model *m, struct text id); /* or a new one */
void chats_free(struct model *m, struct chat *c);
void chats_free_all(struct model *m);
void chats_drop_messages(struct model *m, struct chat *c, size_t n);
void chats_sort(struct chat **v, size_t n);
void chats_free_description(struct model *m, struct description *d);
void chats_add_description(
    struct model *m, struct chat *c, const struct description *d);
void chats_drop_descriptions(struct model *m, struct chat *c, size_t oldest);
void chats_load(struct model *m, struct chat *c);
void chats_expect_leaving(struct model *m, struct chat *c);
struct chat *chats_next_leaving(struct model *m, int64_t limit);

/* Lists it as changed; derive: it is derived anew, too. */
void chats_touch(struct model *m, struct chat *c, bool derive);

/* model.c: the operator of that name, created if it is not known. */
struct operator_info *model_operator(struct model *m, uint32_t id);
void model_touch_operator(struct model *m, struct operator_info *o);
void model_list_operator(struct model *m, struct operator_info *o, bool listed);

/* An identity, of which the memory is on its way; and then: it did not come
 * before, and is remembered. */
struct fingerprint model_identity(
    struct model *m, struct text chat, struct text id);
bool model_is_new(struct model *m, struct fingerprint f, int64_t at);
struct message *model_append(struct model *m, struct chat *c);
/* Another version of a message of the chat: takes it over, or drops it. */
enum model_taken model_revise(
    struct model *m, struct chat *c, const struct message *new);
/* It is there, forgotten ones apart: its index, or c->n. */
size_t model_find_message(
    struct model *m, struct chat *c, int64_t at, message_id id);
bool model_has(struct model *m, struct chat *c, const struct message *x);
/* See struct model: aside. Of two versions of a message, new and known. */
bool model_is_aside(const struct model *m, const struct message *new,
    const struct message *old);
/* One that came in an earlier life. */
void model_restore_id(struct model *m, struct fingerprint f, uint16_t span);
/* Identities older than the window are forgotten. */
void model_expire(struct model *m);
/* The span of an identity, see dedup.h. */
static inline uint16_t
model_span(const struct model *m, int64_t at)
{
	return dedup_span(at, dedup_span_ms(m->window));
}

/* Older than the window. */
static inline bool
model_is_late(const struct model *m, int64_t at)
{
	return m->window > 0 && m->as_of != CLOCK_NONE &&
	       at < m->as_of - m->window;
}

/* model_pending.c: messages of a model that may take them in later. */
void pending_add(struct model *m, const struct record *r);
void pending_flush(struct model *m);

/* For that: a chat's place in the table, looked at before it is needed. */
uint32_t chats_hash(const struct model *m, struct text id);
void chats_prefetch_slot(const struct model *m, uint32_t hash);
void chats_prefetch(const struct model *m, uint32_t hash);
struct chat *chats_get_hashed(struct model *m, struct text id, uint32_t hash);

/* model_events.c */
enum model_taken events_add(struct model *m, const struct record *r);
enum model_taken events_put(struct model *m, struct fingerprint f, int64_t at,
    uint32_t user, uint32_t event);
/* The same for an event, which is counted already. */
void events_restore(struct model *m, struct fingerprint f, uint16_t span,
    int64_t at, uint32_t user, uint32_t event);
/* Of that pair, which is made if need be, whatever the limit is. */
struct event_count *events_count(
    struct model *m, uint32_t user, uint32_t event);
void events_touch(struct model *m, struct event_count *e);
void events_sort(const struct model *m, struct event_count **v, size_t n);
void events_free(struct model *m);
void events_copy(struct model *to, const struct model *from);

/* model_lives.c: finds the lives of a chat whose messages are in order, in the
 * model's private part, for the others; how it stands now; one of its lives to
 * walk over; when the last record of one came. */
void lives_find(const struct model *m, const struct chat *c);
void lives_stand(const struct model *m, struct chat *c);
struct clocks_chat lives_view(
    const struct model *m, const struct chat *c, size_t life);
int64_t lives_last_at(const struct model *m, const struct chat *c, size_t life);
/* What the descriptions of the present life say of the chat. */
void lives_describe(struct chat *c);
/* The first messages go; what they say of the status is kept. */
void lives_forget(struct model *m, struct chat *c, size_t messages);

/* model_recompute.c: rebuilds of a fetched chat what was told of; lists one as
 * gone. */
void settle_silently(struct model *m, struct chat *c);
void settle_gone(struct model *m, struct chat *c);

/* model_credit.c: what operators and totals have of a chat. */
void credit_chat(
    struct model *m, struct chat *c, const struct credit *v, size_t n);
void credit_open(struct model *m, struct chat *c);
void credit_waits(struct model *m); /* the longest one now */
void credit_unpacked(struct model *m, struct chat *c);

#endif
