/*
 * allocation: who gets which chat, of one tenant. It is told what happens and
 * answers with reservations; it has no clock, reads and writes nothing, and the
 * same events in the same order make the same reservations.
 *
 * Who waits: a chat that is open and held by nobody. The order is that of
 * arrival, of the present episode, then of ids; a chat that comes back to the
 * queue takes its old place. What a chat needs are its tags: it waits in the
 * line of those that need the same, and in a line nobody overtakes. A channel
 * with a limit of its own makes lines of its own. A chat whom nobody may get
 * just now, after refusals, lets others pass until its pause is over.
 *
 * Who gets it: of those who are available, have all its tags and fewer chats
 * than their limit the one with the fewest; of these who was given one longest
 * ago; then by id. Chats count that are open and held, whoever gave them, and
 * those that are reserved.
 *
 * A reservation holds until it is kept (a record says who holds the chat),
 * refused, or its time is over; till then the chat is reserved for nobody else.
 *
 * Costs: each event costs the logarithm of how many wait and how many work,
 * for each line that the operator serves. Only a new combination of tags, a
 * snapshot, and a limit for everybody go over all.
 *
 *   treap.c               sets in order
 *   allocation.c            chats, and what becomes of them; which comes first
 *                           (by_arrival)
 *   allocation_events.c     what happens
 *   allocation_lines.c      who serves what: tags, lines, operators' room; who
 *                           of them comes first (compare_seats)
 *   allocation_reservation.c    who gets it (choose), and how a reservation
 * ends allocation_limits.c     how many allocation_record.c     what a record
 * tells allocation_pack.c       as bytes, for the state allocation_settings.c
 * from the configuration simulation.c                yesterday again, with
 * other limits stream_allocation.c     in a stream
 *
 * Text that is given is borrowed for the call. One thread.
 */
#ifndef AGGREGATOR_ALLOCATION_ALLOCATION_H
#define AGGREGATOR_ALLOCATION_ALLOCATION_H

#include "common/conf/conf.h"
#include "common/records/bucket.h"
#include "common/records/record.h"

struct allocation;

/* Times in ms; 0 of the last four: not at all. */
struct allocation_settings {
	int64_t limit;  /* of whom none is known */
	int64_t expiry; /* of a reservation */
	int64_t pause;  /* after a refusal, doubled with each more */
	int64_t window; /* so long a closed chat is remembered */
	int64_t sticky; /* so long a customer's operator is */
	int64_t
	    sticky_for;  /* so long after its arrival a chat waits for them */
	int64_t silent;  /* until who was given a chat must have answered */
	int64_t offline; /* until who went away loses what is unanswered */
};

/* From [aggregator]. */
void allocation_settings_read(
    struct allocation_settings *s, const struct conf *conf);

/* The pauses never get longer than that. */
#define ALLOCATION_LONGEST_PAUSE (INT64_C(60) * 1000)

/* Borrowed until the next call. */
struct allocation_reservation {
	struct text chat, operator_id;
	struct text replaces; /* p NULL: nobody */
	const char *id;
	int64_t at, expires, arrival;
	int64_t max_chats; /* the operator's limit */
};

/* For who looks on. Each may be NULL. */
struct allocation_watch {
	void *ctx;
	void (*reserved)(void *ctx, const struct allocation_reservation *p);
	/* How many chats the operator has now, and may have. */
	void (*load)(
	    void *ctx, struct text operator_id, int64_t load, int64_t limit);
	/* Nobody has, or had, the chat when it ended. */
	void (*unserved)(void *ctx, struct text chat, int64_t arrival);
};

/* The tenant's name is copied; the watch, which may be NULL, borrowed. */
struct allocation *allocation_new(const char *tenant,
    const struct allocation_settings *s, const struct allocation_watch *watch);
/* NULL is fine. */
void allocation_free(struct allocation *a);

/* The clock goes on, never back: before the first event, then whenever.
 * Promises expire, pauses end. */
void allocation_clock(struct allocation *a, int64_t now);

/* When the clock would change something; INT64_MAX: never. */
int64_t allocation_due(const struct allocation *a);

/* Reserves what can be reserved, as of the clock. Returns how many. */
size_t allocation_decide(struct allocation *a);

/* What is told of a chat. Of two the newer counts, for status and holder each
 * by itself; of two as new the later one. */
struct allocation_told {
	int64_t at;              /* CLOCK_NONE: older than all that is known */
	int64_t opened_at;       /* CLOCK_NONE: not told */
	enum chat_status status; /* CHAT_NONE: not told */
	bool mild;               /* a chat that is pending stays so */
	bool has_holder;         /* it tells who holds it, */
	struct text holder;      /* p NULL: nobody */
	struct text tags, channel, customer; /* p NULL: not told */
	struct text reservation; /* p NULL, or that of which it is the outcome:
				holder or not it ends it */
};

void allocation_chat(
    struct allocation *a, struct text id, const struct allocation_told *told);

/* It is no more. */
void allocation_chat_left(struct allocation *a, struct text id);

/* An operator wrote to the customer. */
void allocation_answered(struct allocation *a, struct text chat);

struct allocation_person {
	bool has_available, available; /* has_available false: as it was, at
					  first available */
	int64_t max_chats; /* RECORD_NO_NUMBER: as it was, at first none */
	struct text tags;  /* p NULL: as they were */
};

void allocation_operator(
    struct allocation *a, struct text id, const struct allocation_person *p);

/* A limit, of an operator, a channel, both or, neither, of everybody who has
 * none; RECORD_NO_NUMBER: no more. at: as of when, or CLOCK_NONE. */
void allocation_limit(struct allocation *a, struct text operator_id,
    struct text channel, int64_t max_chats, int64_t at);

/* What is not named between these two calls is gone: operators, and chats of
 * which nothing newer than at is known. Of a part of a snapshot only those
 * that are within; NULL: all. */
void allocation_snapshot_begin(struct allocation *a);
void allocation_snapshot_end(
    struct allocation *a, int64_t at, const struct bucket_set *part);

/* What a record tells, whichever it is. */
void allocation_record(struct allocation *a, const struct record *r);
/* The same but for who holds a chat. */
void allocation_record_unheld(struct allocation *a, const struct record *r);

/* Promises that were not sent yet, in the order in which they were made; and
 * that they are. */
typedef void allocation_reservation_fn(
    void *ctx, const struct allocation_reservation *p);
void allocation_each_unsent(
    const struct allocation *a, allocation_reservation_fn *each, void *ctx);
void allocation_sent(struct allocation *a);

/* The record that tells of it. */
void allocation_write(
    const char *tenant, const struct allocation_reservation *p, struct buf *to);

/* What is known as entries of key and value, those that changed since the last
 * time; a value of length 0: to be deleted. And back, after the first clock;
 * -1: no such bytes. */
typedef void allocation_entry_fn(
    void *ctx, const struct buf *key, const struct buf *value);
void allocation_pack(
    struct allocation *a, allocation_entry_fn *entry, void *ctx);
int allocation_unpack(struct allocation *a, const void *key, size_t key_len,
    const void *data, size_t len) __attribute__((warn_unused_result));

/* For tests and messages. */
struct allocation_counts {
	uint64_t reserved, kept, refused, expired;
	uint64_t steps; /* nodes of trees that were looked at */
	size_t waiting, operators;
};
struct allocation_counts allocation_counts(const struct allocation *a);

#endif
