/*
 * allocation_impl: what the parts of allocation share; nobody else includes
 * it.
 */
#ifndef AGGREGATOR_ALLOCATION_ALLOCATION_IMPL_H
#define AGGREGATOR_ALLOCATION_ALLOCATION_IMPL_H

#include "common/containers/strmap.h"

#include "aggregator/allocation/allocation.h"
#include "aggregator/allocation/allocation_place.h"
#include "aggregator/containers/treap.h"

#define ALLOCATION_ID 48

/* Of refusals that are remembered of a chat. */
#define REFUSALS 8

/* What is waited for by the clock. */
struct alloc_timer {
	struct treap_node node;
	int64_t due;
	uint64_t order; /* of two that are due together */
	bool of_operator;
};

/* A set of tags, the same for all who have it: sorted, parted by commas. */
struct alloc_tags {
	char *text;
	char **tag;
	size_t n;
};

struct alloc_channel {
	char *name;
	int64_t limit; /* RECORD_NO_NUMBER: none */
	size_t limits; /* how many name it */
};

/* Chats that need the same. */
struct alloc_line {
	const struct alloc_tags *tags;
	const struct alloc_channel *channel; /* NULL: any without limits */
	struct treap queue;                  /* of chats, by arrival */
	struct treap resting;                /* refused by whoever has room */
	struct treap seats;                  /* of operators with room */
	struct treap_node node;              /* of those where both are */
	const struct alloc_chat *head;       /* what it stands there by */
};

/* An operator in a line. */
struct alloc_seat {
	struct treap_node node;
	struct alloc_operator *owner;
	struct alloc_line *line;
};

/* Chats of one channel. */
struct alloc_share {
	struct alloc_channel *channel;
	int64_t chats, limit; /* RECORD_NO_NUMBER: none of their own */
};

struct alloc_operator {
	struct text id; /* the map's */
	const struct alloc_tags *tags;
	bool known, available, changed;
	int64_t max_chats, own_limit; /* RECORD_NO_NUMBER */
	int64_t load;
	uint64_t given_last; /* number of the reservation; 0: none */
	int64_t away_since;  /* CLOCK_NONE: available */
	int64_t resting_until;
	unsigned refusals;    /* in a row */
	struct treap awaited; /* chats that wait for them */
	struct treap given;   /* chats they have not answered yet */
	struct alloc_timer timer;
	struct alloc_seat **seats;
	size_t seats_n, seats_cap;
	struct alloc_share *shares;
	size_t shares_n, shares_cap;
	uint64_t mark; /* of the snapshot it was last named in */
};

struct alloc_customer {
	struct text id;
	struct alloc_operator *last;
	int64_t at;
	struct treap_node node;
	bool changed;
};

struct alloc_refusal {
	const struct alloc_operator *by;
	int64_t until;
};

struct alloc_chat {
	struct text id; /* the map's */
	enum alloc_place place;
	enum chat_status status;
	enum alloc_holding holding;
	bool changed, gone;
	int64_t status_at, holder_at, opened_at, closed_at, arrival, given_at;
	struct alloc_operator *holder;
	struct alloc_operator *counted[2]; /* by whom it counts */
	struct alloc_channel *channel, *counted_channel;
	const struct alloc_tags *tags;
	struct alloc_customer *customer;
	char *customer_id; /* NULL: not known */
	struct alloc_line *line;
	struct alloc_operator *awaited, *owed_by;
	struct treap_node node;  /* of the place */
	struct treap_node owed;  /* of owed_by's given */
	struct treap_node wired; /* of the reservations that are not sent yet */
	struct alloc_timer timer;
	struct alloc_operator *reserved; /* NULL: to nobody */
	const struct alloc_operator *replaces;
	char reservation[ALLOCATION_ID];
	int64_t reserved_at, expires;
	uint64_t reservation_number;
	struct alloc_refusal *refusals; /* NULL: none */
	size_t refusals_n;
	unsigned failures;
	uint64_t mark;
};

struct alloc_limit {
	int64_t max_chats, at;
	bool changed;
};

struct allocation {
	char *tenant;
	struct allocation_settings set;
	const struct allocation_watch *watch;
	int64_t now;
	struct strmap chats, operators, channels, tags, customers, limits;
	struct strmap line_of; /* by tags and channel */
	struct alloc_line **lines;
	size_t lines_n, lines_cap;
	struct treap ready; /* lines */
	struct treap timers, unsent;
	uint64_t timer_order, reservations, mark;
	int64_t everybody;       /* RECORD_NO_NUMBER: as set */
	struct treap by_time;    /* customers */
	struct strmap forgotten; /* keys to be deleted */
	struct alloc_chat **changed;
	size_t changed_n, changed_cap;
	struct alloc_operator **changed_operators;
	size_t changed_operators_n, changed_operators_cap;
	struct alloc_customer **changed_customers;
	size_t changed_customers_n, changed_customers_cap;
	bool changed_limits;
	struct allocation_counts counts;
};

static inline struct text
text_of(const char *s, size_t len)
{
	return (struct text){ s, len };
}

/* allocation.c */
struct alloc_chat *alloc_chat_get(struct allocation *a, struct text id);
void alloc_chat_free(void *chat);
void alloc_operator_changed(struct allocation *a, struct alloc_operator *o);
void alloc_changed(struct allocation *a, struct alloc_chat *c);
/* Counts it and puts it where it belongs, after any change of it. */
void alloc_settle(struct allocation *a, struct alloc_chat *c);
/* It is nowhere; alloc_settle() then finds its place. */
void alloc_leave(struct allocation *a, struct alloc_chat *c);
void alloc_set_timer(struct allocation *a, struct alloc_timer *t, int64_t due);
/* Remembers who has a chat of theirs, and forgets who was not here for long. */
void alloc_customer_set(struct allocation *a, struct text id,
    struct alloc_operator *last, int64_t at);
treap_compare alloc_compare_chats, alloc_compare_owed;

/* allocation_reservation.c */
/* The reservation is over, without and with somebody who holds the chat. */
void alloc_refuse(struct allocation *a, struct alloc_chat *c);
void alloc_keep(
    struct allocation *a, struct alloc_chat *c, struct alloc_operator *holder);
/* True while that operator is not to be asked again. */
bool alloc_refused(const struct allocation *a, const struct alloc_chat *c,
    const struct alloc_operator *o);
/* Wakes when the operator's pause ends, or the time their absence is waited
 * for. */
void alloc_operator_timer(struct allocation *a, struct alloc_operator *o);
treap_compare alloc_compare_unsent; /* as they were made */

/* allocation_lines.c */
struct alloc_operator *alloc_operator_get(struct allocation *a, struct text id);
struct alloc_channel *alloc_channel_get(struct allocation *a, struct text id);
const struct alloc_tags *alloc_tags_get(struct allocation *a, struct text t);
struct alloc_line *alloc_line_get(struct allocation *a,
    const struct alloc_tags *tags, const struct alloc_channel *channel);
/* The queue, or who has room, changed. */
void alloc_line_update(struct allocation *a, struct alloc_line *l);
/* Around any change of the operator that its room or place follows from. */
void alloc_operator_begin(struct allocation *a, struct alloc_operator *o);
void alloc_operator_end(struct allocation *a, struct alloc_operator *o);
/* Its tags changed, or it is new. */
void alloc_operator_seats(struct allocation *a, struct alloc_operator *o);
struct alloc_seat *alloc_seat_of(
    const struct alloc_operator *o, const struct alloc_line *l);
struct alloc_share *alloc_share_of(
    struct alloc_operator *o, struct alloc_channel *channel);
int64_t alloc_limit_of(
    const struct allocation *a, const struct alloc_operator *o);
void alloc_lines_release(struct allocation *a);

#endif
