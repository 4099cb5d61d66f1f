/*
 * stretch: the counts of a key, such as a user, split by time so that long
 * silences in it show. What comes after a silence longer than [aggregator]
 * forget starts over: a row has only what was counted since the last such
 * silence. That follows from the messages alone, in whatever order they arrive,
 * and wherever a flush falls between them.
 *
 * A stretch is never longer than such a silence, so none lies inside it, and
 * its first and last time are all that has to be compared. The newest stretch
 * of a key is part of the key's own entry, the head; nearly always it is the
 * only one. The others are in a table of their own, each linked to the one
 * before it.
 *
 * In a stream, a queue of keys says when a key may have become silent.
 * stretches_expire() then deletes what no late message can reach any more. In a
 * one-shot run all stays.
 */
#ifndef AGGREGATOR_COUNTING_STRETCH_H
#define AGGREGATOR_COUNTING_STRETCH_H

#include "aggregator/counting/streaming_metric.h"

/* The payload of a stretch begins with it. */
struct stretch {
	int64_t start, end;  /* it holds times from start to before end */
	int64_t before;      /* the start of the one before */
	uint64_t has_before; /* 1: there is one before */
	uint64_t messages;
	int64_t first, last; /* of these */
};

/* What a metric keeps in stretches. */
struct stretches_kind {
	const char *past, *silent; /* two of the state's tables: of stretches
				      and of keys; both are borrowed */
	size_t size;               /* of a stretch's payload, in bytes */
	/* When the key's last message came. */
	int64_t (*last)(const void *head);
	/* The head must stay for another reason; NULL: never. */
	bool (*is_needed)(const void *head);
};

struct stretches {
	const struct stretches_kind *kind;
	struct keyed_state *heads; /* key -> the newest, and whatever else */
	struct keyed_state past;   /* (key, start) -> another one */
	struct timer_queue silent; /* keys, by when each may be silent */
	bool expires;              /* false: one-shot */
	int64_t forget, window;    /* ms */
};

/* A head's payload begins with a stretch's. All pointers are borrowed. */
void stretches_open(struct stretches *x,
    const struct streaming_metric_setup *setup, struct keyed_state *heads,
    const struct stretches_kind *kind);
void stretches_close(struct stretches *x);

/* A head was just made, for a message of that time. */
void stretches_watch(struct stretches *x, const void *head, int64_t at);

/* The stretch that holds a time; made if it is missing. The
 * newest is always in the head, so others may move. */
void *stretches_at(struct stretches *x, void *head, int64_t at);

/* The stretch before; NULL: none. */
void *stretches_before(struct stretches *x, const void *head, const void *s);

/* The caller changed the stretch. */
void stretches_change(struct stretches *x, const void *head, void *s);

/* Counts a message. */
void stretch_add(struct stretch *s, int64_t at);

/* The stretch before; NULL also when the silence between the two is longer than
 * [aggregator] forget. A row is the sum of the stretches joined like this. */
void *stretches_joined(struct stretches *x, const void *head, const void *s);

/* Such a sum. */
struct stretch_sum {
	uint64_t messages;
	int64_t first, last;
};

struct stretch_sum stretches_sum(struct stretches *x, const void *head);

/* In a stream: deletes heads and past stretches before a silence that nothing
 * can fill or move any more, of all keys that are due. A key whose row is still
 * to be written keeps everything for now. newest: the tenant's newest time. */
void stretches_expire(struct stretches *x, int64_t newest);

#endif
