/*
 * redelivery: which messages of the broker were taken in, and how many of their
 * lines, as long as they may come again, so that nothing counts twice, whatever
 * came in between. That is until they are acknowledged. A publisher sends a
 * message again when it got no confirmation, so of messages with an id the last
 * REDELIVERY_NAMED acknowledged ones are kept as well.
 *
 * A message with an id is recognized by its id and its bytes. One without is
 * recognized by its bytes, if the broker marks it as sent before; each then
 * accounts for one that comes again through another connection. The broker
 * sends those that come again first: after the first unmarked message no
 * earlier one without an id comes any more.
 *
 * It does no input or output; stream_redelivery.c saves it in the state.
 */
#ifndef AGGREGATOR_STREAM_REDELIVERY_H
#define AGGREGATOR_STREAM_REDELIVERY_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages with an id that are kept after they were acknowledged. */
#define REDELIVERY_NAMED 2048

struct redelivery_entry {
	uint64_t print;      /* fingerprint of its id and its bytes */
	uint64_t connection; /* through which it came; 0: in the last run */
	uint64_t lines;      /* that were taken in */
	uint64_t *held;      /* numbers of lines, of redelivery_hold() */
	size_t held_n, held_cap;
	bool named;   /* it has an id */
	bool whole;   /* all its lines came */
	bool flushed; /* with it */
	bool acked;
	bool dirty; /* changed since it was packed */
	bool gone;
};

/* Private. */
struct redelivery {
	uint64_t seed;
	struct redelivery_entry *list; /* messages in the order they came */
	size_t n, cap;
	size_t gone;     /* entries that were dropped */
	size_t named;    /* entries with an id that are acknowledged */
	size_t unacked;  /* all before this index are acknowledged or gone */
	size_t current;  /* index of the current message; SIZE_MAX: none */
	uint64_t before; /* lines of it that came before */
	uint64_t swept;  /* the last connection that brought a new message */
	uint32_t *index; /* hash table by print: index in the list + 1 */
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

/* The message becomes the current one; the one before is whole. Returns how
 * many of its lines were taken in before. */
uint64_t redelivery_begin(
    struct redelivery *t, const struct redelivery_message *m);

/* So many lines of the current message are taken in; it has no more lines. */
void redelivery_upto(struct redelivery *t, uint64_t lines);
void redelivery_whole(struct redelivery *t);

/* Records that the line of the current message was not passed through, and need
 * not be when it comes again; and asks for that. */
void redelivery_hold(struct redelivery *t, uint64_t line);
bool redelivery_holds(const struct redelivery *t, uint64_t line);

/* What was taken in is flushed: the whole messages so far are acknowledged
 * next, with the second function; `connection`: those that came through it. */
void redelivery_flushed(struct redelivery *t);
void redelivery_acked(struct redelivery *t, uint64_t connection);

/* Appends the messages with an id that changed since they were packed last; or,
 * unless named, all without an id. Returns how many there were. */
size_t redelivery_pack(struct redelivery *t, bool named, struct buf *to);

/* Adds packed messages, which are given the oldest first. Returns how many
 * there were; -1: the bytes are damaged. */
int redelivery_unpack(struct redelivery *t, const void *p, size_t len)
    __attribute__((warn_unused_result));

#endif
