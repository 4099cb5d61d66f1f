/*
 * model: what is known of one tenant, from one snapshot or from a stream of
 * records: operators, chats, messages, events. Records are added in any
 * order; model_settle() then derives everything the figures are made of, so
 * that a figure only reads. The figures do not know which of the two it was.
 *
 * A lasting model (a daemon's) is settled again and again: only chats that
 * changed are derived, what differs is listed until model_clear_changed(), and
 * what is older than the window and of a past episode is forgotten. Any other
 * is settled once.
 */
#ifndef AGGREGATOR_MODEL_H
#define AGGREGATOR_MODEL_H

#include "common/record.h"

#include "aggregator/clocks.h"
#include "aggregator/stats.h"

/* What a chat record said. */
struct description {
	struct description *next;
	int64_t at; /* as of when; CLOCK_NONE: nobody knows */
	int64_t opened_at;
	enum chat_status status;
	struct name *holder;
	struct name *channel;
	struct name *customer, *customer_name, *customer_phone;
	struct name *tag;
};

struct chat {
	struct name *id;
	uint64_t number; /* the store's key; kept for the caller */
	struct description *descriptions; /* usually one; in no order */
	struct message *messages;
	size_t n, cap;

	/* Derived. */
	struct description now;
	struct name *told_holder; /* by the newest description */
	int64_t last_message_at;
	int64_t waiting_since;
	int64_t first_response; /* STATS_NONE: none */
	size_t messages_counted, participants, skewed;
	struct sample responses;
};

struct operator_info {
	struct name *id;
	struct name *name;
	int64_t reported_open_chats;
	bool listed, available, has_available;

	/* Derived, over ongoing chats. */
	bool present; /* has a row */
	size_t open_chats, waiting_chats;
	int64_t longest_wait; /* STATS_NONE: nobody waits */
	struct sample responses, first_responses;
};

struct event {
	int64_t at;
	struct name *user, *event;
};

/* How often a user did a thing. */
struct event_count {
	struct name *user, *event;
	uint64_t count;
};

/* Over all chats of the tenant, derived. */
struct tenant_totals {
	size_t operators, open_chats, unassigned_chats, waiting_chats, skewed;
	int64_t longest_wait;
	struct sample responses;
};

/* What became of a record. */
enum model_taken {
	MODEL_NEW,     /* it counts. Of a model that is not prompt: for all
			  one knows yet */
	MODEL_AGAIN,   /* it came before, or a later version of it did */
	MODEL_VERSION, /* a later version of a known one, which it replaces */
	MODEL_LATE,    /* older than the window: to be refused */
	MODEL_SKIPPED, /* no figure of the model needs it */
};

/* What differs since model_clear_changed(); each list by id. Chats that left
 * are among them, see chat_has_left(), and are gone after the clearing. */
struct model_changes {
	struct chat **chats;
	size_t chats_n, chats_cap;
	struct operator_info **operators;
	size_t operators_n, operators_cap;
	struct event_count **events;
	size_t events_n, events_cap;
	bool totals;
};

struct model {
	/* Set between model_init() and the first record. */
	bool lasting;   /* settled again and again */
	bool prompt;    /* model_add() tells at once what came before, for
			   16 bytes an identity */
	bool no_clocks; /* no figure needs chats and operators, */
	bool no_events; /* or events */
	int64_t window; /* of a lasting one, in ms; 0: all is kept */
	void *ctx;      /* of the calls below, which may be NULL */
	/* An interval is there, or is no more: each of every episode that is
	 * held, but for the running wait. Called while settling. */
	void (*interval)(void *ctx, const struct model *m, const struct chat *c,
	    const struct interval *i, bool withdrawn);
	/* The messages of an unpacked chat are needed: the callee gives them
	 * with model_unpack_segment(). */
	void (*fetch)(void *ctx, struct model *m, struct chat *c);

	struct model_changes changes;
	char *tenant;
	bool stream;   /* else a snapshot */
	int64_t as_of; /* of a stream: the newest `at` */
	struct arena arena;
	struct names names;
	struct strmap chat_map, event_map;
	struct chat *last_chat; /* messages come chat by chat */
	const char *text_of;    /* the chat whose text is kept; may be NULL */

	/* In the order of METRICS once settled: by id. */
	struct chat **chats;
	size_t chats_n, chats_cap;
	struct operator_info **operators;
	size_t operators_n, operators_cap;
	struct event **events; /* by user, event */
	size_t events_n, events_cap;

	struct tenant_totals totals;
	uint32_t serial; /* of episodes; see struct name */
};

/* as_of CLOCK_NONE for a stream: its records tell. */
void model_init(
    struct model *m, struct text tenant, bool stream, int64_t as_of);
void model_release(struct model *m);

/* Takes in one record of the tenant. What it borrows lives only as long as
 * the call. */
enum model_taken model_add(struct model *m, const struct record *r);

/* Adds what the other knows, before either is settled. */
void model_copy(struct model *to, const struct model *from);

/* The operator of that id, created if it is not known; never NULL. */
struct operator_info *model_operator(struct model *m, struct name *id);

/* The chat of that id, or NULL. */
struct chat *model_find_chat(const struct model *m, const char *id);

/* Derives everything that changed; a model that is not lasting is settled
 * once, after the last record. */
void model_settle(struct model *m, const struct rules *rules);

/* What was changed has been told of. Frees chats that left. */
void model_clear_changed(struct model *m);

/* A snapshot corrects a stream: its operators are all there are, what it says
 * of chats counts if it is newer, messages are put together, and chats that
 * are not in it and of which nothing is known since its time leave. The
 * snapshot is not settled, and is used up. Settle afterwards. */
void model_correct(struct model *m, struct model *snapshot);

/* Lists it as changed, though nothing may have: its row was not confirmed.
 * A chat that is not known is listed as one that left. */
void model_mark_chat(struct model *m, struct text id);
void model_mark_operator(struct model *m, struct text id);
void model_mark_event(struct model *m, struct text user, struct text event);

/* Lists the tenant, and all operators for whom somebody waits: their longest
 * wait grows by itself. */
void model_mark_waits(struct model *m);

/* How they read; valid while the model knows them. */
struct text chat_id(const struct chat *c);
struct text operator_id(const struct operator_info *o);
struct text event_user(const struct model *m, const struct event_count *e);
struct text event_name(const struct model *m, const struct event_count *e);
struct text interval_operator(const struct model *m, const struct interval *i);
struct text chat_channel(const struct model *m, const struct chat *c);
/* The id of the message that ended it; buf is used for it, and the result is
 * valid as long as that. */
#define INTERVAL_ID (RECORD_MAX_ID + 1)
struct text interval_message(
    const struct model *m, const struct interval *i, char buf[INTERVAL_ID]);

/* It had a row, or was marked, and is not ongoing any more. */
bool chat_has_left(const struct chat *c);

/* Ongoing: what the figures are over. */
static inline bool
chat_is_open(const struct chat *c)
{
	return c->now.status == CHAT_OPEN;
}

/* The walk's view of a settled chat. */
struct clocks_chat model_clocks_chat(
    const struct model *m, const struct chat *c);

#endif
