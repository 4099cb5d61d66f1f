/*
 * allocation: which operator is assigned which chat, of one tenant. It reads
 * from the model what chats and operators are, and answers with reservations.
 * It reads no clock, does no I/O, and the same changes in the same order make
 * the same reservations.
 *
 * It keeps only what no record says: to whom it gave which chat and when, who
 * refused, since when an operator is away, whom a customer had last. Everything
 * else is the model's, which decides what is newer, what left and what is
 * forgotten.
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
 * A reservation is pending until it is fulfilled (the model has an assignee
 * other than whom it replaces), refused, or expired; till then the chat is
 * reserved for nobody else.
 *
 * When the program ends without notice:
 *
 *   before the commit   nothing was reserved; the records come again, and lead
 *                       to the same, or to a reservation of a later time
 *   after the commit    the reservation is in the outbox, and is published when
 *                       the program starts
 *   after publishing    it is published again, unchanged: the poller knows its
 *                       id
 *   an outcome comes    the model has named the assignee before; a refusal of a
 *   again               reservation that is not pending changes nothing
 *   pauses, awaited     are forgotten: an operator may be asked again sooner
 *
 * Chats and operators are read from the model again when the state was read.
 *
 * Costs: each change costs the logarithm of how many chats wait and how many
 * operators work, for each line that the operator serves. Only a new
 * combination of tags and a limit for everybody go over all.
 *
 *   allocation_order.c        in what order chats, lines and operators come
 *   allocation_refusals.c     who refused, and the pauses after it
 *   allocation_room.c         who serves what: tags, lines, operators' room
 *   allocation.c              chats, and the place of each
 *   allocation_reservation.c  a reservation, how it ends, and the outbox
 *   allocation_select.c       who is selected, or waited for
 *   allocation_events.c       chats, operators and the clock change
 *   limit_records.c           limits change
 *   allocation_model.c        what the model and records say
 *   allocation_pack.c         as bytes, for the state
 *   allocation_settings.c     from the configuration
 *   replay_log.c              a day of records, for a simulation
 *
 * Text that is passed in is borrowed for the call. One thread.
 */
#ifndef AGGREGATOR_ALLOCATION_ALLOCATION_H
#define AGGREGATOR_ALLOCATION_ALLOCATION_H

#include "common/conf/conf.h"
#include "common/records/record.h"

#include "aggregator/model/model.h"

struct allocation;

/* Durations in ms; 0 of the last four switches them off. */
struct allocation_settings {
	int64_t limit;  /* chats of an operator without a limit of their own */
	int64_t expiry; /* of a reservation */
	int64_t pause;  /* after a refusal, doubled with each more */
	int64_t window; /* of the model; for a simulation */
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

/* What changed in a recomputed model since model_clear_changed(); or all that
 * it has, once after the state was read. */
void allocation_read_changes(struct allocation *a, struct model *m);
void allocation_read_all(struct allocation *a, struct model *m);

/* Takes what a record says that the model does not keep: a limit, the outcome
 * of a reservation. Others are ignored. */
void allocation_record(struct allocation *a, const struct record *r);

/* What a chat is now. */
struct allocation_chat {
	enum chat_status status; /* CHAT_NONE: unknown; it does not wait */
	int64_t arrival;         /* CLOCK_NONE: unknown */
	int64_t answered_at;     /* an operator wrote; CLOCK_NONE: never */
	int64_t newest;          /* of its records */
	struct text assignee;    /* p NULL: nobody */
	struct text tags, channel, customer; /* p NULL: none */
};

void allocation_chat(
    struct allocation *a, struct text id, const struct allocation_chat *now);

/* The poller reports who has the chat of a reservation; p NULL: nobody, and it
 * was refused, as it was if this is whom it replaces. */
void allocation_outcome(struct allocation *a, struct text chat,
    struct text reservation, struct text operator_id);

/* What an operator is now. */
struct allocation_operator {
	bool listed, available;
	int64_t max_chats; /* RECORD_NO_NUMBER: no limit of their own */
	struct text tags;
};

void allocation_operator(struct allocation *a, struct text id,
    const struct allocation_operator *now);

/* Sets a limit of an operator (channel.p NULL), of a channel (operator_id.p
 * NULL), of an operator in a channel, or (both NULL) of everybody who has none.
 * RECORD_NO_NUMBER removes it. at: since when it holds, or CLOCK_NONE. */
void allocation_limit(struct allocation *a, struct text operator_id,
    struct text channel, int64_t max_chats, int64_t at);

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
