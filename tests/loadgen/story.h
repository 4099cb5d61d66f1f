/*
 * story: generates the events of an endless stream: in the active chats, people
 * write, answer, transfer, close and return; some send far too much; some read
 * messages, sometimes before they arrive. Each step creates one message, which
 * is written now, later, or so late that it is refused, and the records around
 * it.
 */
#ifndef TESTS_LOADGEN_STORY_H
#define TESTS_LOADGEN_STORY_H

#include "tests/loadgen/compose.h"
#include "tests/loadgen/delayed_lines.h"
#include "tests/loadgen/world.h"

struct story_options {
	int64_t start_ms; /* of message time */
	uint32_t gap_ms;  /* mean time between messages */
	uint32_t active;  /* chats that are active at a time */
	/* to a million messages so many ... */
	uint32_t views, events, duplicates, latecomers, late;
};

/* Of all tenants. messages: distinct ones that are not too late; counted: those
 * of them that metrics count; read: those that were looked at. */
struct story_totals {
	uint64_t messages, counted, duplicates, read;
};

struct story {
	struct story_options o;
	struct world world;
	struct composer composer;
	struct delayed_lines delayed;

	/* Takes a finished line, without its newline. */
	void (*write)(void *ctx, const char *line, size_t len);
	void *ctx;
	uint64_t written; /* messages that went to write() */
	uint64_t records; /* all that did */
	struct story_totals totals;

	/* private */
	int64_t now;
	uint32_t *pool;        /* the active chats */
	uint32_t fresh;        /* the next chat to become active */
	uint32_t burst;        /* messages left of a burst */
	uint32_t hold, far;    /* messages that may come before a late one,
				* before a repetition */
	uint32_t spam_left;    /* messages somebody will still send ... */
	uint32_t spam_in;      /* ... the next one after so many others ... */
	struct chat *spam;     /* ... here */
	uint32_t event_serial; /* of ids */
};

/* The style is taken. */
void story_init(struct story *s, const struct style *style,
    const struct world_options *world, const struct story_options *o);
void story_release(struct story *s);

/* Writes the operators of all tenants; call it first. */
void story_begin(struct story *s);

/* Writes records until one more message is written. */
void story_step(struct story *s);

/* Messages that wait to be written. */
static inline uint64_t
story_waiting(const struct story *s)
{
	return s->delayed.messages;
}

/* Writes the oldest waiting line. False if there was none. */
bool story_drain(struct story *s);

#endif
