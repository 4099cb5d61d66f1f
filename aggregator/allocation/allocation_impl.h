/*
 * allocation_impl: shared by the files of allocation; no other file includes
 * it.
 */
#ifndef AGGREGATOR_ALLOCATION_ALLOCATION_IMPL_H
#define AGGREGATOR_ALLOCATION_ALLOCATION_IMPL_H

#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/strmap.h"

#include "aggregator/allocation/allocation.h"
#include "aggregator/containers/treap.h"

#define ALLOCATION_ID 48

/*
 * The place of a chat on its way to an operator:
 *
 *           refused by everybody with free slots
 *             +---------> PAUSED ----------+  somebody has a free slot
 *    waits    |                            |
 *   NONE --> QUEUE <-----------------------+
 *             |                            |
 *             +---------> AWAITING --------+  timeout, or they have a free slot
 *                 the customer's last operator
 *
 *   QUEUE, PAUSED, AWAITING -- no longer waits, or is reserved --> NONE
 *   NONE -- for an operator --> RESERVED
 *   RESERVED -- fulfilled, refused, expired --> NONE
 *
 * A reservation is committed, then published until it is confirmed: see the
 * flush of a stream (aggregator/stream/stream_flush.c).
 */
enum alloc_place {
	PLACE_NONE,
	PLACE_QUEUE,    /* in the queue of its line */
	PLACE_PAUSED,   /* out of the queue, after refusals */
	PLACE_AWAITING, /* out of the queue, for the customer's last operator */
	PLACE_RESERVED
};

/* The first byte of a key in the state. */
enum alloc_kind {
	ALLOC_CHAT = 'c',
	ALLOC_CUSTOMER = 'u',
	ALLOC_LIMIT = 'l',
	ALLOC_OPERATOR = 'o'
};

/* What the state keeps under a kind and an id: the first member of chats,
 * customers, limits and operators. */
struct alloc_entry {
	enum alloc_kind kind;
	bool changed;   /* in a->changed */
	bool saved;     /* the state has it */
	bool deleted;   /* freed when the state no longer has it */
	struct text id; /* owned */
};

/* An event that happens when the clock reaches a time. */
struct alloc_timer {
	struct treap_node node;
	int64_t due;
	uint64_t order; /* orders timers that are due at the same time */
	bool of_operator;
};

/* A sorted set of tags; all chats and operators with the same tags share one
 * struct. */
struct alloc_tags {
	char *text; /* separated by commas */
	char **tag;
	size_t n;
};

struct alloc_channel {
	char *name;
	int64_t limit; /* RECORD_NO_NUMBER: none */
	size_t limits; /* number of limits that name it */
};

/* Chats that require the same tags, and have the same channel if that channel
 * has limits. */
struct alloc_line {
	const struct alloc_tags *tags;
	const struct alloc_channel *channel; /* NULL: all without limits */
	struct treap queue;                  /* chats by arrival */
	struct treap paused;                 /* refused by everybody with free
					      * slots */
	struct treap free;                   /* operators with free slots */
	struct treap_node node;              /* in a->ready */
	const struct alloc_chat *head; /* its first chat, by which it is ordered
					* there; NULL: not ready */
};

/* An operator who serves a line; the operator is in its treap while they have a
 * free slot. */
struct alloc_service {
	struct treap_node node;
	struct alloc_operator *owner;
	struct alloc_line *line;
	struct treap awaited; /* chats of the line that wait for the operator */
};

/* An operator's chats in one channel. */
struct alloc_share {
	struct alloc_channel *channel;
	int64_t chats, limit; /* RECORD_NO_NUMBER: no own limit */
};

struct alloc_operator {
	struct alloc_entry entry;
	/* Change these between alloc_operator_begin() and alloc_operator_end()
	 * only; also the chats and limits in shares. */
	bool listed, available;
	int64_t max_chats, own_limit; /* RECORD_NO_NUMBER */
	int64_t load;
	int64_t paused_until;
	uint64_t last_reservation; /* its serial number; 0: none */

	const struct alloc_tags *tags;
	int64_t away_since;      /* CLOCK_NONE: available */
	unsigned refusals;       /* consecutive ones */
	struct treap unanswered; /* chats they have not answered */
	struct alloc_timer timer;
	struct alloc_service **services;
	size_t services_n, services_cap;
	struct alloc_share *shares;
	size_t shares_n, shares_cap;
};

struct alloc_customer {
	struct alloc_entry entry;
	struct alloc_operator *last; /* the operator of the chat that has the
				      * newest record */
	int64_t at;                  /* the time of that record */
	struct treap_node node;
};

struct alloc_refusal {
	const struct alloc_operator *by;
	int64_t until;
};

/* A chat that is not closed: the model's data as last read; its assignment,
 * which the state keeps; and its place. */
struct alloc_chat {
	struct alloc_entry entry;
	enum chat_status status;
	int64_t arrival, answered_at;
	struct alloc_operator *assignee;
	/* The assignee, if assigned by a reservation, and the times at which it
	 * was made and fulfilled. The operator owes an answer until a message
	 * is written after the assignment. */
	struct alloc_operator *given_to;
	int64_t given_at, assigned_at;
	enum alloc_place place;            /* see alloc_place_leave() */
	struct alloc_operator *counted[2]; /* operators towards whose load it
					    * counts */
	struct alloc_channel *channel, *counted_channel;
	const struct alloc_tags *tags;
	char *customer_id; /* NULL: unknown */
	struct alloc_line *line;
	struct alloc_operator *awaited, *listed_by;
	struct treap_node node;          /* for its place */
	struct treap_node in_unanswered; /* in the treap of listed_by */
	struct alloc_timer timer;
	struct alloc_operator *reserved; /* NULL: not reserved */
	struct alloc_operator *replaces;
	char reservation[ALLOCATION_ID];
	int64_t reserved_at, expires;
	struct alloc_refusal *refusals; /* the last one of each operator */
	size_t refusals_n, refusals_cap;
	unsigned failures;
};

struct alloc_limit {
	struct alloc_entry entry; /* for the id, see allocation_limit() */
	int64_t max_chats, at;
};

struct allocation {
	char *tenant;
	struct allocation_settings set;
	const struct allocation_listener *listener;
	int64_t now;
	struct strmap chats, operators, channels, tags, customers, limits;
	struct strmap line_of; /* by tags and channel */
	struct alloc_line **lines;
	size_t lines_n, lines_cap;
	struct treap ready; /* lines */
	struct treap timers;
	uint64_t timer_order;
	uint64_t reservations;        /* serial number of the last one */
	int64_t everybody;            /* RECORD_NO_NUMBER: as configured */
	struct treap by_time;         /* customers by time */
	struct alloc_entry **changed; /* to be packed */
	size_t changed_n, changed_cap;
};

/* True if the operator has refused the chat and must not be asked again yet. */
static inline bool
alloc_refused(const struct allocation *a, const struct alloc_chat *c,
    const struct alloc_operator *o)
{
	size_t i;

	for (i = 0; i < c->refusals_n; i++)
		if (c->refusals[i].by == o && c->refusals[i].until > a->now)
			return true;
	return false;
}

static inline struct text
alloc_text(const char *s, size_t len)
{
	return (struct text){ s, len };
}

static inline void
alloc_entry_init(struct alloc_entry *e, enum alloc_kind kind, struct text id)
{
	e->kind = kind;
	e->id = alloc_text(xstrndup(id.p, id.len), id.len);
}

/* allocation_lines.c */
void alloc_lines_init(struct allocation *a);
/* Releases lines, operators, channels and tags. */
void alloc_lines_release(struct allocation *a);
/* due: INT64_MAX stops the timer. */
void alloc_set_timer(struct allocation *a, struct alloc_timer *t, int64_t due);
/* The next four create missing objects. */
struct alloc_operator *alloc_operator_get(struct allocation *a, struct text id);
struct alloc_channel *alloc_channel_get(struct allocation *a, struct text id);
const struct alloc_tags *alloc_tags_get(struct allocation *a, struct text t);
struct alloc_line *alloc_line_get(struct allocation *a,
    const struct alloc_tags *tags, const struct alloc_channel *channel);
/* Enclose any change of an operator that affects whether they have a free slot,
 * or their order among others: struct alloc_operator marks these fields.
 * begin() takes the operator out of all treaps of free operators, whose order
 * the change may break; end() puts the operator back if they have a free slot,
 * and queues chats that waited for one. Nothing checks this. */
void alloc_operator_begin(struct alloc_operator *o);
void alloc_operator_end(struct allocation *a, struct alloc_operator *o);
/* Call after something else has changed whether the operator has a free slot: a
 * limit for all operators or for a channel, or the clock. */
void alloc_operator_update(struct allocation *a, struct alloc_operator *o);
/* Change the place of a chat, the treap that it is in there, and its timer;
 * enum alloc_place draws how. */

/* Removes the chat from its place. Call before its arrival or line changes. */
void alloc_place_leave(struct allocation *a, struct alloc_chat *c);
/* Adds a chat without a place to the queue of its line. */
void alloc_place_queue(struct allocation *a, struct alloc_chat *c);
/* Moves a chat from the queue to PLACE_PAUSED or PLACE_AWAITING, with the treap
 * of that place. */
void alloc_place_postpone(struct allocation *a, struct alloc_chat *c,
    enum alloc_place place, struct treap *where, int64_t until);
/* For a chat with a reservation, until it expires. */
void alloc_place_reserved(struct allocation *a, struct alloc_chat *c);

/* Finds the lines that the operator serves. Call after a change to the
 * operator's tags, and for a new operator. */
void alloc_operator_serve(struct allocation *a, struct alloc_operator *o);
/* Returns NULL if the operator does not serve the line. */
struct alloc_service *alloc_service_of(
    const struct alloc_operator *o, const struct alloc_line *l);
struct alloc_share *alloc_share_of(
    struct alloc_operator *o, struct alloc_channel *channel);
/* Returns how many chats the operator may have in all channels together. */
int64_t alloc_limit_of(
    const struct allocation *a, const struct alloc_operator *o);

/* allocation.c */
/* Creates the chat if it is missing. */
struct alloc_chat *alloc_chat_get(struct allocation *a, struct text id);
/* Remembers the operator of a customer's chat, whose newest record had that
 * time, unless another one has a newer record. */
struct alloc_customer *alloc_customer_set(struct allocation *a, struct text id,
    struct alloc_operator *last, int64_t at);
/* Deletes customers who have not written for long. */
void alloc_delete_old_customers(struct allocation *a);
/* Frees a chat, operator, limit or customer. */
void alloc_entry_free(void *entry);

#endif
