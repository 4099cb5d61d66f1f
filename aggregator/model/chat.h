/*
 * chat: what is known of one chat. This header has only data; read it first.
 *
 * A chat has four parts. Each has one owner, which alone writes it:
 *
 *   records   what was reported, in any order: messages (chat_table.h),
 *             descriptions (chat_descriptions.h), the newest snapshot that
 *             lists the chat, and what remains of dropped messages
 *             (drop_records.h). chat_change.h is the entry for all of them.
 *   derived   what follows from the records (derive.h); chat_change.c stores
 *             it here
 *   credited  what the figures of operators and of the tenant contain of this
 *             chat (chat_credits.h)
 *   places    where the chat is: in the table (chat_table.h), in the list of
 *             changes (model_private.h), in the state (model_pack.h)
 *
 * Always true between two calls of the model's functions:
 *
 *   1. The first `sorted` messages are in order (timeline_sort()). No two have
 *      the same id, and all are newer than dropped.at.
 *   2. Descriptions are ordered from the newest to the oldest, and each has a
 *      time of its own.
 *   3. If a chat is not dirty, the derived part follows from the records.
 *   4. The figures of operators and of the tenant are the sums of what is
 *      credited to them in all chats.
 *   5. A dirty chat and a chat that is gone are listed in the changes. A chat
 *      that is gone has no credits; model_clear_changed() frees it.
 *   6. A chat that is not loaded has no messages in memory, is not dirty, and
 *      of its intervals, only those that are credited are known, and only their
 *      lengths. `stored` segments of messages are in the state.
 *   7. The first `clean` messages are the same as in the state.
 *
 * In a model that is not incremental, 1 and 2 become true when the chat is
 * derived, and nothing is listed.
 *
 * Names are numbers of the lexicon; those of records, intervals and
 * dropped_history are held (have a reference), those of `now` are borrowed.
 */
#ifndef AGGREGATOR_MODEL_CHAT_H
#define AGGREGATOR_MODEL_CHAT_H

#include "common/base/clock.h"
#include "common/containers/arena.h"
#include "common/hours/targets.h"
#include "common/records/record.h"

#include "aggregator/clocks/clocks.h"
#include "aggregator/containers/order_stats.h"

#define DESCRIPTION_NAMES 7

/* The content of one chat record. */
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

/* What remains of dropped messages; CLOCK_NONE if there are none. */
struct dropped_history {
	int64_t at; /* time of the newest dropped message */
	int64_t status_at, assignee_at;
	uint32_t assignee;
	uint8_t status; /* an enum chat_status */
};

/* The figures of the current episode, if the chat is open. */
struct chat_figures {
	int64_t last_message_at;
	int64_t waiting_since;
	int64_t first_since;    /* while the customer waits for a first
				 * response: its start; otherwise CLOCK_NONE */
	int64_t first_response; /* TALLY_NONE: none */
	struct tally responses;
	uint32_t messages_counted, participants, skewed;
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
	bool gone;           /* no longer needed, nor its packed form */
	bool shown;          /* had a row at the last recomputation */
	bool left;           /* see chat_has_left() */
	message_id greatest; /* see messages_note_id() */
	union {
		char bytes[24];
		char *far;
	} id; /* see chat_id() */

	uint64_t number; /* key in the state; belongs to the caller */

	/* Records. */
	struct description *descriptions;
	uint32_t descriptions_n;
	uint32_t sorted;
	int64_t listed_at; /* time of the newest snapshot that has the chat */
	struct dropped_history dropped;

	/* Derived. Only an incremental model keeps the intervals: those of all
	 * episodes whose messages are kept. */
	struct description now;
	int64_t newest; /* time of its newest record */
	struct chat_figures figures;
	struct interval *intervals;
	uint32_t intervals_n;

	/* Credited, besides the intervals that are marked as credited. */
	struct open_credit {
		bool open;
		uint32_t assignee;
		int64_t wait; /* its start, or CLOCK_NONE */
	} credited;

	/* Places. */
	struct id_index *ids;   /* messages by id; NULL: none */
	uint32_t clean, stored; /* messages and segments as packed */
	uint32_t index;         /* index in the model's chats */
	uint32_t hash;          /* of its id */
	bool trimmed;           /* its messages have expired */
};

/* Valid while the model has the chat. */
static inline struct text
chat_id(const struct chat *c)
{
	struct text t = { c->id.bytes, c->id_len };

	if (t.len > sizeof c->id.bytes)
		t.p = c->id.far;
	return t;
}

/* A chat record without a status describes an open chat. */
static inline enum chat_status
status_or_open(const struct description *d)
{
	return d->status == CHAT_NONE ? CHAT_OPEN : d->status;
}

static inline bool
status_is_over(enum chat_status status)
{
	return status == CHAT_CLOSED || status == CHAT_GONE;
}

/* True if a customer of the chat waits until an operator answers. */
static inline bool
chat_may_wait(const struct chat *c)
{
	return !c->gone &&
	       (c->now.status == CHAT_OPEN || c->now.status == CHAT_SNOOZED);
}

/* Most metrics cover open chats. A snoozed chat is one of them while a customer
 * waits in it: snoozing a chat does not hide its customer. */
static inline bool
chat_is_open(const struct chat *c)
{
	return chat_may_wait(c) && (c->now.status == CHAT_OPEN ||
				       c->figures.waiting_since != CLOCK_NONE);
}

/* True for a changed chat that had a row, or was marked, and is not open. */
static inline bool
chat_has_left(const struct chat *c)
{
	return c->left && !chat_is_open(c);
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
	const struct chat_figures *f = &c->figures;

	if (f->first_since != CLOCK_NONE)
		return (struct awaited_answer){ TARGET_FIRST_RESPONSE,
			f->first_since };
	return (struct awaited_answer){ TARGET_REPLY, f->waiting_since };
}

#endif
