/*
 * model: what is known of one tenant, from one snapshot or from a stream of
 * records: operators, chats, messages, events. Records are added in any
 * order; model_settle() then derives everything the metrics are made of, so
 * that a metric only reads. The metrics do not know which of the two it was.
 *
 * A lasting model (a daemon's) is settled again and again: only chats that
 * changed are derived, what differs is listed until model_clear_changed(), and
 * what is older than the window and of a past episode is forgotten. Any other
 * is settled once.
 */
#ifndef AGGREGATOR_MODEL_MODEL_H
#define AGGREGATOR_MODEL_MODEL_H

#include "common/containers/strmap.h"
#include "common/records/bucket.h"
#include "common/records/record.h"

#include "aggregator/clocks/clocks.h"
#include "aggregator/containers/order_stats.h"
#include "aggregator/model/dedup.h"

/* What a chat record said. The names are held. */
struct description {
	struct description *next; /* an older one that told more */
	int64_t at;               /* as of when; CLOCK_NONE: nobody knows */
	int64_t opened_at;
	int64_t closed_at; /* of a closed one; CLOCK_NONE: it is not */
	uint32_t holder, channel;
	uint32_t customer, customer_name, customer_phone, tag;
	enum chat_status status;
};

/* A response that counts for its operator; of a lasting model. */
struct credit {
	int64_t ms;
	uint32_t operator_id;
	bool first, skewed;
};

struct chat {
	/* One cache line, all that a new message touches. */
	struct message *messages;
	uint32_t n, cap;
	uint32_t near[2]; /* see message_read() */
	uint8_t id_len;
	bool loaded;  /* the messages are here */
	bool dirty;   /* to be derived */
	bool listed;  /* among the changes */
	bool gone;    /* to be freed with the next clearing */
	bool shown;   /* had a row when last settled */
	bool left;    /* had one before that, or was marked: see below */
	bool leaving; /* waits for the window to pass it */
	union {
		char bytes[32];
		char *far;
	} id; /* see chat_id() */

	uint64_t number; /* the store's key; kept for the caller */

	/* Derived. */
	struct description now;
	int64_t last_message_at;
	int64_t waiting_since;
	int64_t first_response; /* STATS_NONE: none */
	struct tally responses;
	uint32_t messages_counted, participants, skewed;
	uint32_t described; /* so many descriptions are of its present life */

	/* Private. */
	struct description *descriptions; /* newest first */
	/* The newest snapshot that had it; that lacked it when it was ongoing.
	 * CLOCK_NONE: none. */
	int64_t listed_at, absent_at;
	struct credit *credits;
	struct told *told; /* intervals that were told of */
	uint32_t credits_n, told_n;
	int64_t newest; /* of all its records, once settled */
	struct forgotten {
		int64_t at; /* of the newest message; CLOCK_NONE: none */
		int64_t status_at, holder_at;
		enum chat_status status;
		enum clocks_stand stand;
		uint32_t holder;
	} forgotten;
	int64_t counted_wait; /* what operators and totals have of it */
	uint32_t counted_holder;
	bool counted;
	uint8_t bucket;
	bool resting; /* leaving for the second time: see settle_leaving() */
	uint32_t settled;       /* messages that are in order */
	uint32_t clean, stored; /* messages and segments as packed */
	uint32_t index;         /* in the model's list */
	uint32_t life;          /* one more at each use of the memory */
	uint32_t hash;
};

struct operator_info {
	uint32_t id, name; /* names, held; the name that was known last */
	int64_t reported_open_chats;
	bool listed, available, has_available;
	bool nameless; /* a snapshot told no name: see operator_name() */
	bool changed;

	/* Derived, over ongoing chats. */
	size_t open_chats;
	struct order_stats responses;
	struct tally first_responses;
	struct order_stats waits; /* since when */
};

/* How often a user did a thing. */
struct event_count {
	uint32_t user, event; /* names, held */
	bool changed;
	uint64_t count; /* 0: all that there were are versions of others */
};

/* Over all chats of the tenant, derived. */
struct tenant_totals {
	size_t operators, open_chats, unassigned_chats, skewed;
	struct tally responses;
	struct order_stats waits;
	int64_t longest_wait; /* STATS_NONE: nobody waits */
};

/* What became of a record. */
enum model_taken {
	MODEL_NEW,     /* it counts. Of a model that is not prompt: for all
			  one knows yet */
	MODEL_AGAIN,   /* it came before, or a later version of it did */
	MODEL_VERSION, /* a later version of a known one, which it replaces */
	MODEL_LATE,    /* older than the window: to be refused */
	MODEL_AHEAD,   /* of a time that cannot be yet: to be refused, or all
			  that comes after it would be late */
	MODEL_SKIPPED, /* no metric of the model needs it */
};

/* What differs since model_clear_changed(), each list by id once settled.
 * Chats that are gone are among them. */
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
	bool lasting;       /* settled again and again; it is prompt, too */
	bool prompt;        /* model_add() tells at once what came before, for
			       some 30 bytes an identity */
	bool no_clocks;     /* no metric needs chats and operators, */
	bool no_events;     /* or events */
	size_t event_pairs; /* of user and event, that are counted; 0: all.
			       What was unpacked is counted besides */
	int64_t window;     /* of a lasting one, in ms; 0: all is kept */
	int64_t memory;     /* so long a chat that is over is known, in ms; 0:
			       for ever. See model_lives.c */
	int64_t ahead;      /* so many ms after the newest record and after the
			       clock nothing is believed; 0: all is */
	const struct rules *rules; /* needed when chats are fetched */
	struct dedup_seed seed;    /* as kept with packed identities */
	void *ctx;                 /* of the calls below, which may be NULL */
	/* An interval is there, or is no more: each of every episode that is
	 * held, but for the running wait. Called while settling. */
	void (*interval)(void *ctx, const struct model *m, const struct chat *c,
	    const struct interval *i, bool withdrawn);
	/* The messages of an unpacked chat are needed: the callee gives them
	 * with model_unpack_segment(). */
	void (*fetch)(void *ctx, struct model *m, struct chat *c);
	/* Of a prompt model: a message of another model, put into this one,
	 * was not known (MODEL_NEW) or replaces one (MODEL_VERSION). */
	void (*merged)(void *ctx, const struct model *m, const struct chat *c,
	    const struct message *x, const char *text, enum model_taken taken);
	const char *text_of; /* the chat whose text is kept; may be NULL */
	bool keeps_texts;    /* of all chats */

	char *tenant;
	bool stream;   /* else a snapshot */
	int64_t as_of; /* of a stream: the newest `at` */
	/* Of a stream: the newest whole snapshot that told of the chats of
	 * each bucket; CLOCK_NONE: none. */
	int64_t whole_at[BUCKETS];
	bool corrected; /* there is one */
	struct lexicon lexicon;

	/* By id once settled; of a lasting model in no order. */
	struct chat **chats;
	size_t chats_n, chats_cap;
	struct operator_info **operators;
	size_t operators_n, operators_cap;
	struct event_count **events; /* by user, event */
	size_t events_n, events_cap;

	/* After MODEL_VERSION of a message: the one it replaced, if that was
	 * still there, until the next record. Its id means nothing. */
	struct message replaced;
	bool replaces;
	/* After MODEL_AGAIN or MODEL_VERSION of a message: whoever keeps them
	 * by time and id is not to be given this one, but to stay with the
	 * known one. It is older, or was written at another time. */
	bool aside;

	struct tenant_totals totals;
	struct model_changes changes;
	struct model_private *private;
};

/* as_of CLOCK_NONE for a stream: its records tell. */
void model_init(
    struct model *m, struct text tenant, bool stream, int64_t as_of);
void model_release(struct model *m);

/* Takes in one record of the tenant. What it borrows lives only as long as
 * the call. */
enum model_taken model_add(struct model *m, const struct record *r);

/* Adds what the other knows, before either is settled. */
void model_copy(struct model *to, struct model *from);

/* A snapshot corrects a stream, a lasting model: its operators are all there
 * are, what it says of chats counts if it is newer, messages are put together,
 * and chats that are not in it and of which nothing is known since its time
 * leave. Its events are not looked at. The snapshot is not settled before;
 * settle the stream afterwards. It may be a part: then it tells of chats in
 * these buckets only, and of operators (BUCKET_ALL) or not; NULL: all. */
void model_correct(
    struct model *m, struct model *snapshot, const struct bucket_set *part);

/* A message of a snapshot that is going to correct the model is new to it, or
 * a newer version of one that it has. Not told any more of an episode that is
 * over, when it is older than the window. */
bool model_lacks(struct model *m, const struct record *r);

/* Derives everything that changed; a model that is not lasting is settled
 * once, after the last record. */
void model_settle(struct model *m, const struct rules *rules);

/* What was changed has been told of, and packed. Frees chats that are gone. */
void model_clear_changed(struct model *m);

/* Lists it as changed, though nothing may have: its row was not confirmed. A
 * chat that is not known is listed as one that left. Before settling. */
void model_mark_chat(struct model *m, struct text id);
void model_mark_operator(struct model *m, struct text id);
void model_mark_event(struct model *m, struct text user, struct text event);

/* Lists the tenant, and all operators for whom somebody waits: their longest
 * wait grows by itself. */
void model_mark_waits(struct model *m);

/* Calls back for each message that is held of a chat, those of an unpacked one
 * among them, which are not kept. */
typedef void model_message_fn(void *ctx, const struct model *m,
    const struct chat *c, const struct message *x);
void model_each_message(
    struct model *m, struct chat *c, model_message_fn *each, void *ctx);

/* The chat of that id, or NULL. */
struct chat *model_find_chat(const struct model *m, struct text id);

/* Absent for 0; valid while somebody holds the name. */
static inline struct text
model_name(const struct model *m, uint32_t name)
{
	return interner_text(&m->lexicon.names, name);
}

/* How they read; valid while the model knows them. */
struct text chat_id(const struct chat *c);
struct text operator_id(const struct model *m, const struct operator_info *o);
/* As the CRM has it now; of one who is not listed, as it was known last. */
struct text operator_name(const struct model *m, const struct operator_info *o);
struct text interval_operator(const struct model *m, const struct interval *i);

/* The id of the message that ended it: in buf, or valid as long as that; empty
 * when it was a chat record. */
struct text interval_message(
    const struct model *m, const struct interval *i, char buf[MESSAGE_ID_TEXT]);

/* The text of a message of the chat text_of; NULL when it is not known. */
const char *model_text(
    const struct model *m, const struct chat *c, const struct message *message);

/* Ongoing: what the metrics are over. */
static inline bool
chat_is_open(const struct chat *c)
{
	return !c->gone && c->now.status == CHAT_OPEN;
}

/* Of a changed one: it had a row, or was marked, and is not ongoing. */
static inline bool
chat_has_left(const struct chat *c)
{
	return c->left && !chat_is_open(c);
}

/* Of a changed one: nothing needs it any more, nor what was packed of it. */
static inline bool
chat_is_gone(const struct chat *c)
{
	return c->gone;
}

static inline bool
operator_has_row(const struct operator_info *o)
{
	return o->listed || o->open_chats > 0 || o->responses.n > 0;
}

/* STATS_NONE: nobody waits. */
int64_t operator_longest_wait(const struct model *m, struct operator_info *o);

/* The walk's view of a settled chat. */
struct clocks_chat model_clocks_chat(
    const struct model *m, const struct chat *c);

#endif
