/*
 * model: what the metrics know about one tenant, from a stream of records and
 * from snapshots that correct it: its operators, chats and messages, and the
 * identities of events. Each message and event counts once. Records are added
 * in any order; model_recompute() then derives everything that the metrics
 * read, and the result does not depend on that order, except that of two events
 * with one id, the first counts, that of versions without updated_at and of
 * chat records of one time, the last one counts, and that a snapshot corrects
 * only what came before. Lines that are delivered again change nothing. Metrics
 * read a recomputed model and cannot distinguish a stream from a snapshot.
 *
 * An incremental model (a daemon's) is recomputed repeatedly: only changed
 * chats are derived, the differences are listed until model_clear_changed(),
 * and messages of past episodes that are older than the window are dropped. Any
 * other model is recomputed once.
 *
 * A model has these times, in ms. The state keeps those marked +.
 *
 *   as_of +        The newest time of a record outside snapshots, or of a
 *                  snapshot itself. CLOCK_NONE: no record had a time.
 *                  model_add() and model_end_snapshot() advance it.
 *   since +        The first as_of, limited like `now`: nothing is known about
 *                  what came before. It does not change.
 *   ahead +        By how much the newest snapshot was ahead of the system
 *                  clock at its end; usually 0. model_end_snapshot() sets it.
 *   now            as_of when the metrics were last recomputed, but with
 *                  by_clock at most the system clock + ahead, and at least
 *                  since. It is the as_of of rows. model_recompute() sets it.
 *   present        The end of unfinished waits: now, or with by_clock the
 *                  system clock + ahead. model_recompute() sets it.
 *   snapshot_at    The time of the snapshot whose records are being added, from
 *                  model_begin_snapshot() to model_end_snapshot(); otherwise
 *                  CLOCK_NONE.
 *   newest_snapshot_at +
 *                  The time of the newest complete snapshot; CLOCK_NONE: none.
 *                  model_end_snapshot() sets it.
 *   known_at       The time of the last record that was added; for a message,
 *                  of its first version, with which the record must be stored,
 *                  or CLOCK_NONE if a newer version arrived earlier.
 *                  model_add() sets it, and known_revision: if that is not 0,
 *                  the record lacks updated_at, and must be stored as this
 *                  version.
 *
 * The model owns everything that it returns. Names are numbers of its interner;
 * a field that is called held has a reference.
 */
#ifndef AGGREGATOR_MODEL_MODEL_H
#define AGGREGATOR_MODEL_MODEL_H

#include "common/base/clock.h"
#include "common/containers/arena.h"
#include "common/containers/strmap.h"
#include "common/hours/targets.h"
#include "common/records/record.h"

#include "aggregator/clocks/clocks.h"
#include "aggregator/containers/order_stats.h"
#include "aggregator/model/coverage.h"

#define DESCRIPTION_NAMES 7

/* The content of one chat record. The names are held. */
struct description {
	struct description *next; /* an older one that has other fields */
	int64_t at;               /* time of the record; CLOCK_NONE: none */
	int64_t opened_at;
	int64_t closed_at; /* for a closed chat; otherwise CLOCK_NONE */
	union {
		/* In the order in which they are compared and packed. */
		struct {
			uint32_t assignee, channel;
			uint32_t customer, customer_name, customer_phone, tag;
			uint32_t tags; /* tags that its operator must have */
		};
		uint32_t names[DESCRIPTION_NAMES];
	};
	enum chat_status status;
};

struct chat {
	/* One cache line: everything that a new message touches. */
	_Alignas(ARENA_LINE) struct message *messages;
	uint32_t n, cap;
	uint32_t name_hints[2]; /* see message_read() */
	uint8_t id_len;
	bool loaded;         /* the messages are in memory */
	bool dirty;          /* to be recomputed */
	bool listed;         /* in model_changes */
	bool gone;           /* no longer needed, nor its packed form; freed by
			      * the next model_clear_changed() */
	bool shown;          /* had a row at the last recomputation */
	bool left;           /* see chat_has_left() */
	message_id greatest; /* see model_note_id() */
	union {
		char bytes[24];
		char *far;
	} id; /* see chat_id() */

	uint64_t number; /* key in the state; belongs to the caller */

	/* Derived. */
	struct description now;
	int64_t last_message_at;
	int64_t waiting_since;
	int64_t first_since;    /* while the customer waits for a first
				 * response: its start; otherwise CLOCK_NONE */
	int64_t first_response; /* TALLY_NONE: none */
	struct tally responses;
	uint32_t messages_counted, participants, skewed;
	uint32_t descriptions_n;

	/* Private. */
	struct id_index *ids;             /* NULL: none */
	struct description *descriptions; /* newest first, once recomputed */
	int64_t listed_at; /* time of the newest snapshot that has the chat */
	struct interval *intervals; /* see model_recompute.c */
	uint32_t intervals_n;
	int64_t newest; /* time of its newest record, once recomputed */
	/* Data of dropped messages; CLOCK_NONE if there are none. See struct
	 * droppable in model_recompute.c. */
	struct dropped_history {
		int64_t at; /* time of the newest dropped message */
		int64_t status_at, assignee_at;
		uint32_t assignee;
		uint8_t status; /* an enum chat_status */
	} dropped;
	int64_t counted_wait; /* as counted in operators and totals */
	uint32_t counted_assignee;
	bool counted;
	bool trimmed;           /* its messages have expired, see
				 * expire_chats() */
	uint32_t sorted;        /* number of sorted messages */
	uint32_t clean, stored; /* messages and segments as packed */
	uint32_t index;         /* index in the model's chats */
	uint32_t hash;
};

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
	/* See the table at the top. */
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
	struct model_private *private;
};

void model_init(struct model *m, struct text tenant);
void model_release(struct model *m);

/* Returns the time to which a record outside snapshots refers: a chat without a
 * time counts from its closing if it is closed, otherwise from its opening; a
 * statement of coverage, as of its end. */
static inline int64_t
model_record_time(const struct record *r)
{
	if (r->type == RECORD_COVERAGE)
		return r->end_at;
	if (r->type != RECORD_CHAT || r->at != CLOCK_NONE)
		return r->at;
	return r->status == CHAT_CLOSED ? r->closed_at : r->opened_at;
}

/* Takes one record of the tenant. Borrowed texts are copied. */
enum model_result model_add(struct model *m, const struct record *r);

/* Correct the model with a complete snapshot of its tenant: between these
 * calls, add the snapshot's records; to an incremental model its operators and
 * chats, then its messages, but no events. A chat record decides which messages
 * belong to a past episode, whose intervals must not count a second time.
 * At the end, operators who are not in the snapshot are removed from the
 * directory. A chat that is not in the snapshot, and has no record newer than
 * it, becomes CHAT_GONE. */
void model_begin_snapshot(struct model *m, int64_t at);
void model_end_snapshot(struct model *m);

/* Derives everything that has changed. */
void model_recompute(struct model *m);

/* Empties m->changes, which the caller must have written and packed. Frees
 * chats that are gone. */
void model_clear_changed(struct model *m);

/* Lists everything as changed; call before recomputing. */
void model_list_all(struct model *m);

/* Lists the tenant and all operators with a waiting chat, because their longest
 * wait grows with time. */
void model_mark_waits(struct model *m);

/* Prefetches what a message in the chat with that hash will touch. Each step
 * reads what the one before has fetched. */
enum model_near { MODEL_SLOT, MODEL_CHAT, MODEL_MESSAGES };
uint32_t model_hash_chat(const struct model *m, struct text id);
void model_prefetch(const struct model *m, uint32_t hash, enum model_near near);

/* Returns the chat with that id, or NULL. */
struct chat *model_find_chat(const struct model *m, struct text id);

/* Returns the text, absent for 0; valid while the name is held. */
static inline struct text
model_name(const struct model *m, uint32_t name)
{
	return interner_text(&m->lexicon.names, name);
}

/* What the waiting customer of a chat awaits, and since when the target for it
 * counts. */
struct awaited_answer {
	enum target_kind kind;
	int64_t since;
};

static inline struct awaited_answer
chat_awaited_answer(const struct chat *c)
{
	if (c->first_since != CLOCK_NONE)
		return (struct awaited_answer){ TARGET_FIRST_RESPONSE,
			c->first_since };
	return (struct awaited_answer){ TARGET_REPLY, c->waiting_since };
}

/* The state of a chat from the point of view of allocation. The status differs
 * from the status in the figures: a pending chat belongs to a bot until the bot
 * hands it over, even while the customer writes, and in a chat in which only an
 * operator or a bot has written, no customer is waiting. */
struct chat_standing {
	enum chat_status status; /* CHAT_NONE: unknown */
	/* The time at which the current or last episode was opened: its
	 * reported opening, otherwise the first record that shows it open.
	 * CLOCK_NONE: unknown. */
	int64_t arrival;
	int64_t answered_at; /* when an operator wrote to the customer, or
			      * CLOCK_NONE */
	struct text channel; /* valid like a name; p NULL: unknown */
};

/* The chat must be recomputed; its messages are fetched, unless it is
 * closed. */
struct chat_standing model_standing(struct model *m, struct chat *c);

/* Valid while the model has the chat. */
struct text chat_id(const struct chat *c);

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
status_is_over(enum chat_status status)
{
	return status == CHAT_CLOSED || status == CHAT_GONE;
}

/* Most metrics cover open chats. */
static inline bool
chat_is_open(const struct chat *c)
{
	return !c->gone && c->now.status == CHAT_OPEN;
}

/* True for a changed chat that had a row, or was marked, and is not open. */
static inline bool
chat_has_left(const struct chat *c)
{
	return c->left && !chat_is_open(c);
}

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
