/*
 * allocation: which operator is assigned which chat, for one tenant. It reads
 * the present chats and operators from the model, and returns reservations. It
 * reads no clock and does no I/O, so the same changes in the same order lead to
 * the same reservations.
 *
 * It keeps only what no record contains: who was assigned which chat and
 * when, who refused, when an operator went offline, and which operator was a
 * customer's last. The model keeps everything else: it decides which data are
 * newer, which chats have disappeared and what is forgotten.
 *
 * The queue: the chats that are open and unassigned. Chats are ordered by
 * arrival (of the current episode), then by id; a chat that returns to the
 * queue gets its old place. A chat requires its tags. It waits in the line of
 * chats that require the same tags, where no chat overtakes another. A channel
 * with its own limit has its own lines. If every operator with free slots has
 * refused a chat, the chat is paused and later chats are assigned first.
 *
 * Selection: among the operators who are available, have all tags of the chat
 * and are below their limit, the one with the fewest chats; then the one whose
 * last reservation was longest ago; then the lowest id. Open assigned chats and
 * reserved chats count, regardless of who assigned them.
 *
 * A reservation is pending until it is fulfilled (the model has an assignee
 * other than the replaced operator), refused, or expired; until then the chat
 * is not reserved for anyone else.
 *
 * If the program ends without warning:
 *
 *   before the commit   nothing was reserved; the records are delivered again,
 *                       and lead to the same reservation or a later one
 *   after the commit    the caller has committed the reservation, too, and
 *                       publishes it when the program starts
 *   after publishing    it is published again, unchanged: the poller knows its
 *                       id
 *   an outcome is       the model has named the assignee before; a refusal of a
 *   redelivered         reservation that is not pending changes nothing
 *   pauses, awaited     are forgotten: an operator may be asked again sooner
 *
 * When the state has been read, chats and operators are read from the model
 * again.
 *
 * Cost: each change takes logarithmic time in the number of queued chats and
 * working operators, for each line that the operator serves. Only a new
 * combination of tags, and a limit for all operators, visit all chats.
 *
 *   allocation_lines.c  who serves what (tags, lines, free slots); places of
 *                       chats
 *   allocation.c        when a chat changes its place, reservations, changes
 *   allocation_pack.c   as bytes, for the state
 *
 * Texts that are passed in are borrowed for the call. One thread.
 */
#ifndef AGGREGATOR_ALLOCATION_ALLOCATION_H
#define AGGREGATOR_ALLOCATION_ALLOCATION_H

#include "common/conf/conf.h"
#include "common/records/record.h"

#include "aggregator/model/model.h"

struct allocation;

/* Durations are in ms; 0 disables the last four. */
struct allocation_settings {
	int64_t limit;  /* maximum chats of operators without their own limit */
	int64_t expiry; /* of a reservation */
	int64_t pause;  /* after a refusal, doubled with each further one */
	int64_t window; /* the model's, for a simulation */
	int64_t sticky; /* how long a customer's last operator is remembered */
	int64_t
	    sticky_for;  /* how long after its arrival a chat waits for them */
	int64_t silent;  /* after this time an assignee who has not answered
			  * loses a chat */
	int64_t offline; /* after this time an offline assignee loses a chat */
};

/* Reads [aggregator]. */
void allocation_settings_read(
    struct allocation_settings *s, const struct conf *conf);

/* Maximum pause in ms. */
#define ALLOCATION_LONGEST_PAUSE (INT64_C(60) * 1000)

/* Borrowed until the next call. */
struct allocation_reservation {
	const char *tenant;
	struct text chat, operator_id;
	struct text replaces; /* p NULL: nobody */
	const char *id;
	int64_t at, expires, arrival;
	int64_t max_chats; /* the operator's limit */
	bool simulated;
};

/* Reports what happens. Each function may be NULL. */
struct allocation_listener {
	void *ctx;
	void (*reserved)(void *ctx, const struct allocation_reservation *p);
	/* The operator now has `load` chats of at most `limit`;
	 * RECORD_NO_NUMBER: the operator is not listed. */
	void (*load)(
	    void *ctx, struct text operator_id, int64_t load, int64_t limit);
};

/* The tenant's name is copied; the listener, which may be NULL, is borrowed. */
struct allocation *allocation_new(const char *tenant,
    const struct allocation_settings *s,
    const struct allocation_listener *listener);
/* NULL is allowed. */
void allocation_free(struct allocation *a);

/* Advances the clock, once before the first event and then at any time.
 * Reservations expire and pauses end. Does nothing unless the time is later
 * than before. */
void allocation_clock(struct allocation *a, int64_t now);

/* Returns the next time at which the clock changes something, or INT64_MAX. */
int64_t allocation_due(const struct allocation *a);

/* Makes all reservations that can be made now. Returns their number. */
size_t allocation_select(struct allocation *a);

/* Reports all pending reservations again, with their ids: for a state from a
 * program that may have died before it published them. */
void allocation_repeat(struct allocation *a);

/* Reads the changes of a recomputed model since model_clear_changed(); all:
 * everything, after the state has been read. */
void allocation_read(struct allocation *a, struct model *m, bool all);

/* Takes from a record the data that the model does not keep: a limit, or the
 * outcome of a reservation. Other records are ignored. */
void allocation_record(struct allocation *a, const struct record *r);

/* The present state of a chat. */
struct allocation_chat {
	enum chat_status status; /* CHAT_NONE: unknown; it is not waiting */
	int64_t arrival;         /* CLOCK_NONE: unknown */
	int64_t answered_at;     /* when an operator wrote; CLOCK_NONE: never */
	int64_t newest;          /* time of its newest record */
	struct text assignee;    /* p NULL: nobody */
	struct text tags, channel, customer; /* p NULL: none */
};

void allocation_chat(
    struct allocation *a, struct text id, const struct allocation_chat *now);

/* The poller reports the assignee of a reserved chat; p is NULL if the chat is
 * unassigned, which means that the reservation was refused. The reservation
 * also counts as refused if the replaced operator still has the chat. */
void allocation_outcome(struct allocation *a, struct text chat,
    struct text reservation, struct text operator_id);

/* The present state of an operator. */
struct allocation_operator {
	bool listed, available;
	int64_t max_chats; /* RECORD_NO_NUMBER: no own limit */
	struct text tags;
};

void allocation_operator(struct allocation *a, struct text id,
    const struct allocation_operator *now);

/* Sets a limit for an operator (channel.p NULL), for a channel (operator_id.p
 * NULL), for an operator in a channel, or (both NULL) for all operators without
 * their own. RECORD_NO_NUMBER removes it. at: when it began to apply, or
 * CLOCK_NONE. */
void allocation_limit(struct allocation *a, struct text operator_id,
    struct text channel, int64_t max_chats, int64_t at);

/* Appends the reservation as an assignment record. */
void allocation_write(const struct allocation_reservation *p, struct buf *to);

/* Packs everything that has changed since the last call as entries of key and
 * value; an empty value deletes its key. allocation_unpack() reads an entry
 * back, after the first allocation_clock(): returns 0, or -1 if it is
 * malformed. */
typedef void allocation_entry_fn(
    void *ctx, const struct buf *key, const struct buf *value);
void allocation_pack(
    struct allocation *a, allocation_entry_fn *entry, void *ctx);
int allocation_unpack(struct allocation *a, const void *key, size_t key_len,
    const void *data, size_t len) __attribute__((warn_unused_result));

#endif
