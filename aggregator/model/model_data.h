/*
 * model_data: what a model consists of, and the functions that read it. Metrics
 * read a recomputed model; the files of the room write it. model.h has the
 * functions that change it, and the order in which to read the room.
 *
 * The model owns everything that it returns. Names are numbers of its interner;
 * a field that is called held has a reference.
 */
#ifndef AGGREGATOR_MODEL_MODEL_DATA_H
#define AGGREGATOR_MODEL_MODEL_DATA_H

#include "common/containers/strmap.h"

#include "aggregator/model/chat.h"
#include "aggregator/model/coverage.h"

struct operator_info {
	uint32_t id, name; /* held; the last known name */
	int64_t reported_open_chats;
	int64_t max_chats;    /* RECORD_NO_NUMBER: unknown */
	uint32_t tags;        /* held */
	int64_t at;           /* time of the newest record with a time, or
			       * snapshot */
	int64_t available_at; /* the time to which `available` refers, or
			       * CLOCK_NONE */
	bool by_snapshot;     /* the newest information is a snapshot's */
	bool listed;          /* in the operator directory of the CRM */
	bool in_snapshot;     /* the open snapshot lists it */
	bool available, has_available;
	bool nameless;  /* a snapshot lacked the name: see operator_name() */
	bool changed;   /* in model_changes */
	bool described; /* a record or snapshot has changed what is packed */

	/* Derived, over open chats. */
	size_t open_chats;
	struct order_stats responses;
	struct tally first_responses;
	struct order_stats waits; /* start times of the waits */
};

/* Derived, over all chats of the tenant. */
struct tenant_totals {
	size_t operators, open_chats, unassigned_chats, skewed;
	struct tally responses;
	struct order_stats waits;
	int64_t longest_wait; /* TALLY_NONE: no customer is waiting */
};

/* The result of model_add() for a record. */
enum model_result {
	MODEL_NEW,       /* counted; also a repeated message that is searched
			  * later: see messages_identify() */
	MODEL_DUPLICATE, /* this or a later version has already arrived */
	MODEL_VERSION,   /* a later version, which replaces the known one */
	MODEL_LATE,      /* older than the window: must be refused; in a
			  * snapshot, also from an episode that is no longer
			  * kept: must be skipped */
	MODEL_SKIPPED,   /* no metric of the model needs it */
};

/* Changes since model_clear_changed(), in no particular order. The list
 * includes gone chats. */
struct model_changes {
	struct chat **chats;
	size_t chats_n, chats_cap;
	struct operator_info **operators;
	size_t operators_n, operators_cap;
	bool totals;
};

struct model;
struct tenant_terms; /* common/hours/terms.h */

/* What the metrics that count as records pass learn from the model. */
struct model_follower {
	/* A new message was added. Messages of a snapshot that are older than
	 * the window are left out. */
	void (*message)(void *ctx, const struct model *m, const struct chat *c,
	    const struct message *x, struct text text);
	/* An interval was added, or (withdrawn) removed, in any episode that is
	 * kept; the removed ones come first. Waits that have not ended are not
	 * reported. */
	void (*interval)(void *ctx, const struct model *m, const struct chat *c,
	    const struct interval *i, bool withdrawn);
	/* A chat was derived from the messages that the model has. */
	void (*derived)(void *ctx, const struct model *m, const struct chat *c);
	/* The first n messages of a chat will be dropped. */
	void (*drop)(
	    void *ctx, const struct model *m, const struct chat *c, size_t n);
};

struct model {
	/* Set between model_init() and the first record. */
	bool incremental; /* recomputed repeatedly */
	bool no_clocks;   /* no metric needs chats and operators, */
	bool no_events;   /* or events */
	bool identifies;  /* repeated messages are recognized when they are
			   * added, also if it is not incremental */
	bool no_figures;  /* if incremental, without a window: only the present
			   * state of chats and operators is needed */
	int64_t window;   /* if incremental, in ms; 0: no limit */
	bool by_clock;    /* if incremental: the clock limits `now`, and sets
			   * `present`. If the newest snapshot shows that the
			   * CRM's clock is ahead, that clock counts */
	const struct definition *definition;
	const struct tenant_terms *terms; /* for the metrics */
	uint64_t seed;                    /* stored with packed identities */
	const struct model_follower *follower; /* NULL: nobody */
	void *follower_ctx;
	/* Requests the messages of an unpacked chat; the callee passes them to
	 * model_unpack_segment(). May be NULL. */
	void (*fetch)(void *ctx, struct model *m, struct chat *c);
	void *ctx;           /* for fetch */
	const char *text_of; /* the chat whose texts are kept; may be NULL */

	bool stream; /* may be set later, too: some records are outside
		      * snapshots. If not, a chat's newest description is final,
		      * whatever its messages say */
	char *tenant;
	/* See the table in model.h. */
	int64_t as_of, since, ahead, now, present, snapshot_at,
	    newest_snapshot_at, known_at;
	uint64_t known_revision;
	struct coverage coverage;
	struct lexicon lexicon;

	/* Sorted by id after model_recompute(), but in no particular order in
	 * an incremental model. */
	struct chat **chats;
	size_t chats_n, chats_cap;
	struct operator_info **operators;
	size_t operators_n, operators_cap;

	struct tenant_totals totals;
	struct model_changes changes;
	struct model_private *private; /* model_private.h */
};

/* Returns the text, absent for 0; valid while the name is held. */
static inline struct text
model_name(const struct model *m, uint32_t name)
{
	return interner_text(&m->lexicon.names, name);
}

/* Returns the chat with that id, or NULL. */
struct chat *model_find_chat(const struct model *m, struct text id);

/* Prefetches what a message in the chat with that hash will touch. Each step
 * reads what the one before has fetched. */
enum model_near { MODEL_SLOT, MODEL_CHAT, MODEL_MESSAGES };
uint32_t model_hash_chat(const struct model *m, struct text id);
void model_prefetch(const struct model *m, uint32_t hash, enum model_near near);

/* Returns the present name in the CRM; for an operator who is not listed, the
 * last known name. Valid while the model has the operator. */
struct text operator_name(const struct model *m, const struct operator_info *o);

/* Returns the id of the message that ended the interval, in buf or borrowed;
 * empty if a chat record ended it, absent if it has not ended. */
struct text interval_message(
    const struct model *m, const struct interval *i, char buf[MESSAGE_ID_TEXT]);

/* Returns the text of a message if texts are kept; otherwise absent. */
struct text model_text(
    const struct model *m, const struct chat *c, const struct message *message);

static inline bool
operator_has_row(const struct operator_info *o)
{
	return o->listed || o->open_chats > 0 || o->responses.n > 0;
}

/* In ms; TALLY_NONE: no chat waits. */
int64_t operator_longest_wait(const struct model *m, struct operator_info *o);

/* Returns the input of a walk over a recomputed chat. */
struct clocks_chat model_clocks_chat(
    const struct model *m, const struct chat *c);

#endif
