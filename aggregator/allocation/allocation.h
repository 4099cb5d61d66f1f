/*
 * allocation: which operator is assigned which chat, of one tenant. It is given
 * events and answers with reservations. It reads no clock, does no I/O, and the
 * same events in the same order make the same reservations.
 *
 * Who waits: a chat that is open and assigned to nobody. The order is that of
 * arrival, of the present episode, then of ids; a chat that comes back to the
 * queue gets its old place. A chat requires its tags: it waits in the line of
 * those that require the same, and nobody overtakes in a line. A channel with a
 * limit of its own has lines of its own. A chat that all who have room refused
 * is paused, and lets others pass meanwhile.
 *
 * Who is selected: of the operators who are available, have all its tags and
 * fewer chats than their limit, the one with the fewest; of equals the one
 * whose last reservation is oldest; then by id. Chats count that are open and
 * assigned, no matter who assigned them, and those that are reserved.
 *
 * A reservation is pending until it is fulfilled (a record names an assignee,
 * other than whom it replaces), refused, or expired; till then the chat is
 * reserved for nobody else.
 *
 * Costs: each event costs the logarithm of how many chats wait and how many
 * operators work, for each line that the operator serves. Only a new
 * combination of tags, a snapshot, and a limit for everybody go over all.
 *
 *   allocation_order.c        in what order chats, lines and operators come
 *   allocation_refusals.c     who refused, and the pauses after it
 *   allocation_news.c         which of two updates is the newer one
 *   allocation_room.c         who serves what: tags, lines, operators' room
 *   allocation.c              chats, and the place of each
 *   allocation_status.c       the status of a chat, its arrival, its end
 *   allocation_reservation.c  a reservation, how it ends, and the outbox
 *   allocation_select.c       who is selected, or waited for
 *   allocation_events.c       chats, operators, the clock and snapshots change
 *   limit_records.c           limits change
 *   allocation_record.c       the events that a record stands for
 *   allocation_pack.c         as bytes, for the state
 *   allocation_settings.c     from the configuration
 *   replay_log.c              a day of records, for a simulation
 *
 * Text that is passed in is borrowed for the call. One thread.
 */
#ifndef AGGREGATOR_ALLOCATION_ALLOCATION_H
#define AGGREGATOR_ALLOCATION_ALLOCATION_H

#include "common/conf/conf.h"
#include "common/records/bucket.h"
#include "common/records/record.h"

struct allocation;

/* Durations in ms; 0 of the last four switches them off. */
struct allocation_settings {
	int64_t limit;  /* chats of an operator without a limit of their own */
	int64_t expiry; /* of a reservation */
	int64_t pause;  /* after a refusal, doubled with each more */
	int64_t window; /* two of them after its last record a chat that is
			   over is forgotten, in the time of records */
	int64_t sticky; /* how long a customer's last operator is */
	int64_t
	    sticky_for;  /* how long after its arrival a chat waits for them */
	int64_t silent;  /* after which an assignee who did not answer loses a
			    chat */
	int64_t offline; /* after which one who went away does */
};

/* Reads [aggregator]. */
void allocation_settings_read(
    struct allocation_settings *s, const struct conf *conf);

/* No pause is longer, in ms. */
#define ALLOCATION_LONGEST_PAUSE (INT64_C(60) * 1000)

/* Borrowed until the next call. */
struct allocation_reservation {
	struct text chat, operator_id;
	struct text replaces; /* p NULL: nobody */
	const char *id;
	int64_t at, expires, arrival;
	int64_t max_chats; /* the operator's limit */
	bool simulated;
};

/* What is reported as it happens. Each may be NULL. */
struct allocation_listener {
	void *ctx;
	void (*reserved)(void *ctx, const struct allocation_reservation *p);
	/* The operator now has `load` chats and may have `limit`;
	 * RECORD_NO_NUMBER: they are not listed. */
	void (*load)(
	    void *ctx, struct text operator_id, int64_t load, int64_t limit);
};

/* The tenant's name is copied; the listener, which may be NULL, borrowed. */
struct allocation *allocation_new(const char *tenant,
    const struct allocation_settings *s,
    const struct allocation_listener *listener);
/* NULL is fine. */
void allocation_free(struct allocation *a);

/* Moves the clock forward, once before the first event and then at any time:
 * reservations expire, pauses end. A time that is not later does nothing. */
void allocation_clock(struct allocation *a, int64_t now);

/* The next time at which the clock changes something; INT64_MAX: none. */
int64_t allocation_due(const struct allocation *a);

/* Makes all reservations that can be made now. Returns how many. */
size_t allocation_select(struct allocation *a);

/* What is known of a chat since a time. Of two updates the newer counts, of
 * status and assignee each separately, by the rules of messaging-stream(7). */
struct allocation_chat_update {
	int64_t at;              /* CLOCK_NONE: older than all others */
	struct text message;     /* its id; p NULL: a chat record */
	int64_t opened_at;       /* CLOCK_NONE: unknown */
	enum chat_status status; /* CHAT_NONE: unknown */
	bool keeps_pending;      /* a pending chat does not change its status */
	bool hands_over;         /* only one that is set aside, or unknown */
	bool has_assignee;       /* the next one is set */
	struct text assignee;    /* p NULL: nobody */
	struct text tags, channel, customer; /* p NULL: unknown */
	struct text reservation; /* p NULL, or the reservation whose outcome
				  this is: fulfilled or refused */
};

void allocation_chat(struct allocation *a, struct text id,
    const struct allocation_chat_update *update);

/* Something was written in the chat, which says nothing else of it: it is
 * there, also if a whole snapshot of before lacked it, and it becomes known
 * only later what it is. */
void allocation_message(struct allocation *a, struct text chat, int64_t at);

/* An operator wrote to the customer in a chat that is known. What is older
 * than the assignment, or than the reservation that led to it, answers nothing:
 * a snapshot repeats it. */
void allocation_answered(struct allocation *a, struct text chat, int64_t at);

enum allocation_chat_state {
	ALLOCATION_UNKNOWN, /* nothing has said what it is yet */
	ALLOCATION_OVER,    /* closed or gone */
	ALLOCATION_ASIDE,   /* pending or snoozed */
	ALLOCATION_WAITS,
	ALLOCATION_HELD
};

enum allocation_chat_state allocation_chat_state(
    const struct allocation *a, struct text id);
/* Borrowed until the chat changes; p NULL: nobody. */
struct text allocation_assignee(const struct allocation *a, struct text chat);

/* What is absent is as before; at first, and in a snapshot: available, without
 * a limit and tags. Whether one is available stays as it was at a later time.
 */
struct allocation_operator_update {
	bool has_available, available;
	int64_t available_at; /* CLOCK_NONE: now */
	int64_t max_chats;    /* RECORD_NO_NUMBER: absent */
	struct text tags;     /* p NULL: absent */
};

void allocation_operator(struct allocation *a, struct text id,
    const struct allocation_operator_update *p);

/* The operator works and takes chats. */
bool allocation_is_available(
    const struct allocation *a, struct text operator_id);

/* Sets a limit of an operator (channel.p NULL), of a channel (operator_id.p
 * NULL), of an operator in a channel, or (both NULL) of everybody who has none.
 * RECORD_NO_NUMBER removes it. at: since when it holds, or CLOCK_NONE. */
void allocation_limit(struct allocation *a, struct text operator_id,
    struct text channel, int64_t max_chats, int64_t at);

/* Operators that are not named between these two calls are removed, and chats
 * without news later than `at` are gone: only what is later brings them back.
 * part: only the chats in these parts
 * of the snapshot, and no operators unless it is all; NULL: everything. */
void allocation_snapshot_begin(struct allocation *a);
void allocation_snapshot_end(
    struct allocation *a, int64_t at, const struct bucket_set *part);
/* Applies the events that a record stands for, if any. */
void allocation_record(struct allocation *a, const struct record *r);
/* The same without the assignee. */
void allocation_record_unassigned(struct allocation *a, const struct record *r);

/* The outbox: reservations that are not published yet, in the order in which
 * they were made; and the call after they are. */
typedef void allocation_reservation_fn(
    void *ctx, const struct allocation_reservation *p);
void allocation_outbox_each(
    const struct allocation *a, allocation_reservation_fn *each, void *ctx);
void allocation_outbox_sent(struct allocation *a);

/* Appends the reservation as an assignment record. */
void allocation_write(
    const char *tenant, const struct allocation_reservation *p, struct buf *to);

/* Everything as entries of key and value, those that changed since the last
 * call; a value of length 0 deletes its key. allocation_unpack() reads an entry
 * back, after the first allocation_clock(): 0, or -1 when it is malformed. */
typedef void allocation_entry_fn(
    void *ctx, const struct buf *key, const struct buf *value);
void allocation_pack(
    struct allocation *a, allocation_entry_fn *entry, void *ctx);
int allocation_unpack(struct allocation *a, const void *key, size_t key_len,
    const void *data, size_t len) __attribute__((warn_unused_result));

#endif
