/*
 * dedup: remembers texts: the ids of one tenant's events that have arrived
 * within the window, or the lines of a snapshot. It is a hash table of
 * fingerprints, each with the span of time (an hour or less) of its record.
 * Records older than the window expire span by span.
 *
 * Callers decide what is a duplicate: aggregator/model/model.c for events,
 * aggregator/model/chat_table.c for messages, which are found by their ids, and
 * aggregator/input/staging.c for the lines of a snapshot.
 *
 * A fingerprint has 112 bits and depends on a random seed: the probability that
 * any two of 10^9 collide is 10^-16. The table consists of 256 parts, each at
 * most 3/4 full, which grow one at a time, so no insertion takes long.
 */
#ifndef AGGREGATOR_CONTAINERS_DEDUP_H
#define AGGREGATOR_CONTAINERS_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

struct fingerprint {
	uint64_t a; /* never 0 */
	uint64_t b; /* the low 16 bits are 0; the table stores the span there */
};

/* A fingerprint that must be stored. */
struct dedup_fresh {
	struct fingerprint f;
	uint16_t span;
};

#define DEDUP_PARTS 256

struct dedup {
	bool open; /* dedup_init() has been called */
	/* Set by the caller: additions are listed in fresh, until the caller
	 * sets fresh_n to 0. */
	bool lists;
	struct dedup_fresh *fresh;
	size_t fresh_n, fresh_cap;
	/* Private. */
	uint64_t seed;
	int64_t window_ms, span_ms;
	int64_t until; /* nothing expires before this time */
	struct dedup_part {
		struct fingerprint *slots; /* b has the span in its low bits */
		size_t mask, n;
	} * parts; /* DEDUP_PARTS of them; NULL: nothing was added */
};

/* A zeroed struct is empty, and not open. The seed is a random secret; stored
 * fingerprints are only valid with theirs. Without a window (0), nothing
 * expires. */
void dedup_init(struct dedup *s, uint64_t seed, int64_t window_ms);
void dedup_release(struct dedup *s);

struct fingerprint dedup_fingerprint(const struct dedup *s, struct text t);

bool dedup_has(const struct dedup *s, struct fingerprint f);

/* Adds the fingerprint of a record with that time; a known one moves to this
 * time's span if it is later. Returns true if it was not known. */
bool dedup_add(struct dedup *s, struct fingerprint f, int64_t at);

/* Adds a stored fingerprint, which is not listed. */
void dedup_restore(struct dedup *s, struct fingerprint f, uint16_t span);

/* Moves all fingerprints to the span of that time; all are listed again. */
void dedup_date_all(struct dedup *s, int64_t at);

/* The newest time is `now`: removes the fingerprints of spans that the window
 * has passed. Once in a span, this reads the whole table. */
void dedup_expire(struct dedup *s, int64_t now);

/* True if that span has expired at that time. Span numbers wrap after 7 days
 * (spans of ten seconds) to 7 years (spans of an hour). */
bool dedup_span_is_over(const struct dedup *s, uint16_t span, int64_t now);

#endif
