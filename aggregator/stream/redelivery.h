/*
 * redelivery: which messages of the broker were taken in, and how far, while
 * they may come again: until they are acknowledged, and of those that have an
 * id, which a publisher sends again when it was not told that they arrived, the
 * last REDELIVERY_NAMED besides. What counted once must not count again,
 * whatever came behind it: time may have gone on, or a snapshot have corrected
 * what it said.
 *
 * A message that has an id is known by that and its bytes. One that has none is
 * known by its bytes, if the broker says that it sent it before; then each
 * accounts for one that comes again through another connection. What comes
 * again comes before anything else: the first one that was never sent before
 * tells that no other one of before, without an id, will.
 *
 * Pure; stream_redelivery.c keeps it in the state.
 */
#ifndef AGGREGATOR_STREAM_REDELIVERY_H
#define AGGREGATOR_STREAM_REDELIVERY_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDELIVERY_NAMED 2048

struct redelivery_entry {
	uint64_t print;      /* of its id and its bytes */
	uint64_t connection; /* through which it came; 0: of the last run */
	uint64_t lines;      /* so many were taken in */
	uint64_t *held;      /* of these, numbers of lines: redelivery_hold() */
	size_t held_n, held_cap;
	bool named; /* it has an id */
	bool whole; /* all its lines came */
	bool acked;
	bool dirty; /* it is not packed as it is now */
	bool gone;
};

/* Private but for what redelivery.c gives. */
struct redelivery {
	uint64_t seed;
	struct redelivery_entry *list; /* in the order in which they came */
	size_t n, cap;
	size_t gone;     /* of them */
	size_t named;    /* of them, that are acknowledged and not gone */
	size_t unacked;  /* all before that are acknowledged, or gone */
	size_t current;  /* the message in hand; SIZE_MAX: none */
	uint64_t before; /* so many of its lines came before */
	uint64_t swept;  /* the last connection that brought a new message */
	uint32_t *index; /* by print: place in the list + 1 */
	size_t index_cap;
};

/* A message that begins to be read. */
struct redelivery_message {
	const char *id; /* NULL: it has none */
	const char *body;
	size_t len;
	uint64_t connection; /* to the broker, from 1 on */
	bool again;          /* the broker may have sent it before */
};

void redelivery_init(struct redelivery *t, uint64_t seed);
void redelivery_release(struct redelivery *t);

/* It is in hand from now on, and the one before is whole. How many of its lines
 * were taken in before. */
uint64_t redelivery_begin(
    struct redelivery *t, const struct redelivery_message *m);

/* So many lines of the one in hand are taken in; it has no more. */
void redelivery_upto(struct redelivery *t, uint64_t lines);
void redelivery_whole(struct redelivery *t);

/* That line of it was not passed on, and need not be when it comes again. Is it
 * one of these? */
void redelivery_hold(struct redelivery *t, uint64_t line);
bool redelivery_holds(const struct redelivery *t, uint64_t line);

/* What is whole and came through that connection is acknowledged. */
void redelivery_acked(struct redelivery *t, uint64_t connection);

/* Appends those with an id that changed since they were packed last, or all
 * without one. How many there were. */
size_t redelivery_pack(struct redelivery *t, bool named, struct buf *to);

/* Takes back what was packed, the oldest first. How many there were; -1: these
 * are no such bytes. */
int redelivery_unpack(struct redelivery *t, const void *p, size_t len)
    __attribute__((warn_unused_result));

#endif
