/*
 * model: what the metrics know of one tenant, from one snapshot or from a
 * stream of records: its operators, chats, messages and counted events. Records
 * are added in any order; model_recompute() then derives everything that the
 * metrics read, and the result does not depend on that order. Metrics read a
 * recomputed model and cannot tell a stream from a snapshot.
 *
 * An incremental model (a daemon's) is recomputed again and again: only chats
 * that changed are derived, the differences are listed until
 * model_clear_changed(), and messages of past episodes that are older than the
 * window are dropped. Any other model is recomputed once.
 *
 * The model owns all it returns. Names are numbers of its interner; a field
 * that is called held keeps a reference.
 */
#ifndef AGGREGATOR_MODEL_MODEL_H
#define AGGREGATOR_MODEL_MODEL_H

#include "common/base/clock.h"
#include "common/containers/strmap.h"
#include "common/records/bucket.h"
#include "common/records/record.h"

#include "aggregator/clocks/clocks.h"
#include "aggregator/containers/dedup.h"
#include "aggregator/containers/order_stats.h"
#include "aggregator/containers/pieces.h"

/* What one chat record says. The names are held. */
struct description {
	struct description *next; /* an older one that has other fields */
	int64_t at;               /* of the record; CLOCK_NONE: it has none */
	int64_t opened_at;
	int64_t closed_at; /* of a closed chat; else CLOCK_NONE */
	uint32_t assignee, channel;
	uint32_t customer, customer_name, customer_phone, tag;
	uint32_t tags; /* that its operator must have */
	enum chat_status status;
};

struct chat {
	/* One cache line, all that a new message touches. */
	_Alignas(PIECES_LINE) struct message *messages;
	uint32_t n, cap;
	uint32_t name_hints[2]; /* see message_name() */
	uint8_t id_len;
	bool loaded; /* the messages are in memory */
	bool dirty;  /* to be recomputed */
	bool listed; /* in model_changes */
	bool gone;   /* freed by the next model_clear_changed() */
	bool shown;  /* had a row when it was recomputed last */
	bool left;   /* see chat_has_left() */
	union {
		char bytes[32];
		char *far;
	} id; /* see chat_id() */

	uint64_t number; /* the key of the state; kept for the caller */

	/* Derived. */
	struct description now;
	int64_t last_message_at;
	int64_t waiting_since;
	int64_t first_response; /* TALLY_NONE: none */
	struct tally responses;
	uint32_t messages_counted, participants, skewed;
	uint32_t descriptions_n;

	/* Private. */
	struct description *descriptions; /* newest first, once recomputed */
	int64_t listed_at; /* of the newest snapshot that has the chat */
	struct interval *intervals; /* see model_intervals.c */
	uint32_t intervals_n;
	int64_t newest; /* time of its newest record, once recomputed */
	/* What dropped messages leave behind; CLOCK_NONE: nothing. */
	struct dropped_history {
		int64_t at; /* of the newest dropped message */
		int64_t status_at, assignee_at;
		uint32_t assignee;
		uint8_t status;  /* an enum chat_status */
		uint8_t episode; /* an enum episode_state */
	} dropped;
	int64_t counted_wait; /* as it is in operators and totals */
	uint32_t counted_assignee;
	bool counted;
	uint8_t bucket;
	bool trimmed;           /* its messages expired, see expire_chats() */
	bool expiry_queued;     /* in the queue of chats_queue_expiry() */
	uint32_t sorted;        /* messages that are in order */
	uint32_t clean, stored; /* messages and segments as packed */
	uint32_t index;         /* in the model's chats */
	uint32_t use;           /* counts the uses of this memory */
	uint32_t hash;
};

struct operator_info {
	uint32_t id, name; /* held; the name that was known last */
	int64_t reported_open_chats;
	int64_t max_chats; /* RECORD_NO_NUMBER: not told */
	uint32_t tags;     /* held */
	int64_t at;        /* of the newest record with a time, or snapshot */
	int64_t available_at; /* when it was so; CLOCK_NONE */
	bool listed;          /* in the operator directory of the CRM */
	bool available, has_available;
	bool nameless; /* a snapshot had no name: see operator_name() */
	bool shown;    /* what a one-shot run continues had a row of it */
	bool changed;

	/* Derived, over open chats. */
	size_t open_chats;
	struct order_stats responses;
	struct tally first_responses;
	struct order_stats waits; /* the times since when */
};

/* How many events of that name a user has. */
struct event_count {
	uint32_t user, event; /* held */
	bool changed;
	uint64_t count; /* 0: later versions changed all of them */
};

/* Over all chats of the tenant, derived. */
struct tenant_totals {
	size_t operators, open_chats, unassigned_chats, skewed;
	struct tally responses;
	struct order_stats waits;
	int64_t longest_wait; /* TALLY_NONE: nobody waits */
};

/* What model_add() did with a record. */
enum model_result {
	MODEL_NEW,       /* counted; a duplicate, too, without dedup_on_add, and
			    a later version of what is too old to be kept */
	MODEL_DUPLICATE, /* it or a later version came before */
	MODEL_VERSION,   /* a later version, which replaces the known one */
	MODEL_LATE,      /* older than the window: to be refused */
	MODEL_SKIPPED,   /* no metric of the model needs it */
};

/* What differs since model_clear_changed(); each list is in order of the ids
 * once recomputed. Chats that are gone are among them. */
struct model_changes {
	struct chat **chats;
	size_t chats_n, chats_cap;
	struct operator_info **operators;
	size_t operators_n, operators_cap;
	struct event_count **events;
	size_t events_n, events_cap;
	bool totals;
};

struct model;

/* Follows the walks over the chats that are derived: begin(), message() for
 * each message of a customer, operator or bot that is neither private nor
 * automated, in order, and end(), when the chat is derived. drop(): the first n
 * messages of the chat will not come again. */
struct model_walk_ops {
	void (*begin)(void *ctx, const struct chat *c);
	void (*message)(
	    void *ctx, const struct model *m, const struct message *x);
	void (*end)(void *ctx, const struct chat *c);
	void (*drop)(
	    void *ctx, const struct model *m, const struct chat *c, size_t n);
};

struct model_walker {
	const struct model_walk_ops *ops; /* NULL: nobody follows */
	void *ctx;
};

struct model {
	/* Set between model_init() and the first record. */
	bool incremental;   /* recomputed again and again; dedup_on_add, too */
	bool dedup_on_add;  /* model_add() recognizes duplicates, for some 30
			       bytes an identity; else model_recompute() does */
	bool no_clocks;     /* no metric needs chats and operators, */
	bool no_events;     /* or events */
	size_t event_pairs; /* how many pairs of user and event are counted; 0:
			       all. Unpacked ones are counted besides */
	int64_t window;     /* of an incremental one, in ms; 0: no limit */
	bool by_clock;      /* of an incremental one: `now` is never after the
			       system clock, or the CRM's, which is that far
			       ahead of it by the newest snapshot */
	int64_t ahead;
	const struct definition *definition; /* needed when chats are fetched */
	struct dedup_seed seed; /* as kept with packed identities */
	void *ctx;              /* of the callbacks, which may be NULL */
	/* An interval began to exist, or (withdrawn) does so no more: of all
	 * episodes that are kept, without the wait that goes on. Called by
	 * model_recompute(). */
	void (*on_interval)(void *ctx, const struct model *m,
	    const struct chat *c, const struct interval *i, bool withdrawn);
	struct model_walker walker;
	/* The messages of an unpacked chat are needed: the callee passes them
	 * to model_unpack_segment(). */
	void (*fetch)(void *ctx, struct model *m, struct chat *c);
	/* With dedup_on_add: model_copy() or model_merge() brought a new
	 * message. */
	void (*on_merged)(void *ctx, const struct model *m,
	    const struct chat *c, const struct message *x, const char *text);
	const char *text_of; /* the chat whose texts are kept; may be NULL */
	bool keeps_texts;    /* of all chats */

	char *tenant;
	bool stream;   /* else a snapshot */
	int64_t as_of; /* of a stream: the newest `at` */
	int64_t since; /* of a stream: its first time. Of what was before it
			  nothing is known */
	int64_t now;   /* what rows and running waits are as of: as_of, as it
			  was recomputed last */
	/* Of a stream: the time of the newest whole snapshot of each bucket;
	 * CLOCK_NONE: none. */
	int64_t whole_at[BUCKETS];
	bool corrected; /* there is one */
	struct lexicon lexicon;

	/* In order of the ids once recomputed; of an incremental model in no
	 * order. */
	struct chat **chats;
	size_t chats_n, chats_cap;
	struct operator_info **operators;
	size_t operators_n, operators_cap;
	struct event_count **events; /* by user, event */
	size_t events_n, events_cap;

	/* After a message: the time of its first version, with which the record
	 * is to be stored; CLOCK_NONE: a newer version came before it. */
	int64_t known_at;

	struct tenant_totals totals;
	struct model_changes changes;
	struct model_private *private;
};

/* as_of is that of the snapshot; CLOCK_NONE for a stream, where records set
 * it. */
void model_init(
    struct model *m, struct text tenant, bool stream, int64_t as_of);
void model_release(struct model *m);

/* Takes in one record of the tenant. Borrowed text is copied. */
enum model_result model_add(struct model *m, const struct record *r);

/* The id is that of an event which came, and is not forgotten yet. */
bool model_knows_event(const struct model *m, struct text id);

/* Adds all that the other has, before either is recomputed. */
void model_copy(struct model *to, const struct model *from);

/* After model_copy(), when the other was recomputed and this one was not: there
 * are rows of the other, too, so chats that are open there and not here have
 * left, and operators with a row there have one here. */
void model_continue(struct model *to, const struct model *from);

/* Corrects a stream, an incremental model, by a snapshot of its tenant. An
 * operator who is not in the snapshot leaves the directory. Descriptions and
 * messages are merged. A chat that is not in the snapshot, and of which no
 * record is newer than it, becomes CHAT_GONE. Events are ignored. The snapshot
 * has not been recomputed; recompute the stream afterwards. A partial snapshot
 * speaks for the chats of these buckets only, and for operators if part->all;
 * part NULL: it is whole. */
void model_merge(struct model *m, const struct model *snapshot,
    const struct bucket_set *part);

/* Whether a message of a snapshot that is going to correct the model is new to
 * it, or a newer version of a known one, whose time it gets then. False for a
 * message of a past episode that is older than the window. */
bool model_lacks(struct model *m, struct record *r);

/* Derives everything that changed. */
void model_recompute(struct model *m, const struct definition *definition);

/* Empties m->changes, which the caller has written and packed. Frees chats that
 * are gone. */
void model_clear_changed(struct model *m);

/* Lists it as changed although it may not be: its row was not confirmed. An
 * unknown chat is listed as one that left. Before recomputing. */
void model_mark_chat(struct model *m, struct text id);
void model_mark_operator(struct model *m, struct text id);
void model_mark_event(struct model *m, struct text user, struct text event);

/* Lists the tenant, and all operators with a waiting chat: their longest wait
 * grows with time. */
void model_mark_waits(struct model *m);

/* The chat of that id, or NULL. */
struct chat *model_find_chat(const struct model *m, struct text id);

/* Absent for 0; valid while the name is held. */
static inline struct text
model_name(const struct model *m, uint32_t name)
{
	return interner_text(&m->lexicon.names, name);
}

/* How a chat stands for those who give chats to operators. The status differs
 * from that of the figures: a pending chat is a bot's until it is handed over,
 * also while its customer writes, and a chat in which only an operator or a bot
 * wrote has none. */
struct chat_standing {
	enum chat_status status; /* CHAT_NONE: unknown */
	/* Since when the present or last episode is open: its opening as told,
	 * else the first record that shows it open. CLOCK_NONE: unknown. */
	int64_t arrival;
	int64_t answered_at; /* an operator wrote to the customer; CLOCK_NONE */
	struct text channel; /* valid as a name is; p NULL: unknown */
};

/* Of a recomputed chat; has its messages fetched, unless it is over. */
struct chat_standing model_standing(struct model *m, struct chat *c);

/* Ids and names as text; valid while the model has the chat or operator. */
struct text chat_id(const struct chat *c);
struct text operator_id(const struct model *m, const struct operator_info *o);
/* The name that the CRM has now; of an operator who is not listed, the name
 * that was known last. */
struct text operator_name(const struct model *m, const struct operator_info *o);
struct text interval_operator(const struct model *m, const struct interval *i);

/* The id of the message that ended it: in buf, or valid as long as that; empty
 * when a chat record did, absent when it goes on. */
struct text interval_message(
    const struct model *m, const struct interval *i, char buf[MESSAGE_ID_TEXT]);

/* The text of a message, where texts are kept; else NULL. */
const char *model_text(
    const struct model *m, const struct chat *c, const struct message *message);

/* Open chats are what most metrics are over. */
static inline bool
chat_is_open(const struct chat *c)
{
	return !c->gone && c->now.status == CHAT_OPEN;
}

/* Of a changed chat: it had a row, or was marked, and is not open. */
static inline bool
chat_has_left(const struct chat *c)
{
	return c->left && !chat_is_open(c);
}

/* Of a changed chat: nothing needs it any more, nor what was packed of it. */
static inline bool
chat_is_gone(const struct chat *c)
{
	return c->gone;
}

static inline bool
operator_has_row(const struct operator_info *o)
{
	return o->listed || o->open_chats > 0 || o->responses.n > 0 || o->shown;
}

/* In ms; TALLY_NONE: no chat waits. */
int64_t operator_longest_wait(const struct model *m, struct operator_info *o);

/* The input of a walk over a recomputed chat. */
struct clocks_chat model_clocks_chat(
    const struct model *m, const struct chat *c);

#endif
