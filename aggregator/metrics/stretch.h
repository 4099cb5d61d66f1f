/*
 * stretch: what is counted under a key, conversation or user, parted by time,
 * so that the silences in it show: [aggregator] forget is how long one must be
 * for what comes behind it to begin anew. What was counted since the last such
 * silence follows from the messages alone, in whatever order they come and are
 * taken back, and whenever a tick falls between them.
 *
 * A stretch is no longer than such a silence, so there is none inside it, and
 * the first and the last time of each are enough to tell. The newest one is at
 * hand in the key's own entry, the head, and nearly always it is the only one;
 * the others are in a table of their own, each naming the one before it.
 *
 * In a stream, what no message can reach any more, neither a late one nor a
 * later version of another, goes: see stretches_tidy(). By hand all stays.
 */
#ifndef AGGREGATOR_METRICS_STRETCH_H
#define AGGREGATOR_METRICS_STRETCH_H

#include "aggregator/containers/top_values.h"
#include "aggregator/metrics/streaming_metric.h"

/* What is kept for a stretch begins with it. */
struct stretch {
	int64_t start, end;  /* it holds times from start to before end */
	int64_t before;      /* where the one before starts */
	uint64_t has_before; /* 1: there is one before */
	uint64_t messages;
	struct top_values last, first; /* first: of negated times */
};

struct stretches {
	struct keyed_state *heads; /* key -> the newest, and whatever else */
	struct keyed_state past;   /* (key, start) -> another one */
	size_t size;               /* of what is kept for a stretch */
	int64_t forget;
	int64_t window;
};

/* A head's payload begins with what is kept for a stretch, of that size. The
 * name is one of the state's tables. */
void stretches_open(struct stretches *x,
    const struct streaming_metric_setup *setup, struct keyed_state *heads,
    const char *name, size_t size);
void stretches_close(struct stretches *x);

/* The stretch that holds a time; NULL: there is none and make is false. The
 * newest is always in the head, so others may move. */
void *stretches_at(struct stretches *x, void *head, int64_t at, bool make);

/* The one before; NULL: none. */
void *stretches_before(struct stretches *x, const void *head, const void *s);

/* One was changed. */
void stretches_change(struct stretches *x, const void *head, void *s);

/* A message more or less; *head or a past one. */
void stretch_add(struct stretch *s, int64_t at);
void stretch_remove(struct stretch *s, int64_t at);

/* After a removal, and that of whatever else is kept: an empty one goes, unless
 * it is the only one. */
void stretches_drop_empty(struct stretches *x, void *head, void *s);

/* The one before, unless the silence between them is long enough to forget:
 * what a row tells is the sum of these. */
void *stretches_joined(struct stretches *x, const void *head, const void *s);

/* Of a sum, with CLOCK_NONE for times when there are no messages. */
struct stretch_sum {
	uint64_t messages;
	int64_t first, last;
};

struct stretch_sum stretches_sum(struct stretches *x, const void *head);

/* In a stream: when no message can join one any more that was at that time. */
int64_t stretches_due(const struct stretches *x, int64_t last);

/* In a stream: deletes what lies behind a silence that nothing can fill or
 * move any more. Of each that goes, `dropped`, unless NULL, is told before.
 * A head that is to be told is not yet saved: not of such a one. */
typedef void stretch_dropped(void *ctx, struct text key, const void *s);
void stretches_tidy(
    struct stretches *x, void *head, stretch_dropped *dropped, void *ctx);
void stretches_delete_past(
    struct stretches *x, void *head, stretch_dropped *dropped, void *ctx);

#endif
