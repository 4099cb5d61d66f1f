/*
 * dedup: remembers which records of one tenant have arrived within the window.
 * It is a hash table of fingerprints, each with the span of time (an hour or
 * less) of its record. Records older than the window expire span by span.
 *
 * A fingerprint has 112 bits and depends on a random seed: the probability that
 * any two of 10^9 collide is 10^-16. It takes four hashes from hash.h, about 10
 * ns; two from keyed_hash.h would take 50. The table consists of 256 parts,
 * each at most 3/4 full, which grow one at a time, and each insertion removes a
 * few expired entries, so no insertion takes long.
 */
#ifndef AGGREGATOR_CONTAINERS_DEDUP_H
#define AGGREGATOR_CONTAINERS_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/records/record.h"

struct fingerprint {
	uint64_t a; /* never 0 */
	uint64_t b; /* the low 16 bits are 0; the table stores the span there */
};

/* A random secret. Stored fingerprints are only valid with their seed. */
struct dedup_seed {
	uint64_t k[2];
};

#define DEDUP_PARTS 256

/* Callers may read n; the rest is private. */
struct dedup {
	size_t n; /* including expired ones that are not removed yet */
	struct dedup_seed seed;
	bool open; /* dedup_init() has been called */
	struct dedup_part {
		struct fingerprint *slots; /* b has the span in its low bits */
		size_t mask, n;
	} parts[DEDUP_PARTS];
	uint16_t oldest;               /* the oldest span that has not
					* expired */
	bool expires;                  /* oldest has been set */
	size_t sweep_part, sweep_slot; /* the next slot to sweep */
	size_t to_sweep;               /* number of parts left to sweep */
};

/* Makes a random seed. */
struct dedup_seed dedup_new_seed(void);

/* A zeroed struct is empty, and not open. */
void dedup_init(struct dedup *s, struct dedup_seed seed);
void dedup_release(struct dedup *s);

/* For a message: chat and id. For an event: its id; chat is absent. */
struct fingerprint dedup_fingerprint(
    const struct dedup *s, struct text chat, struct text id);

/* Returns the length of a span: 1/24 of the window, so that little more than
 * the window is kept, but at least ten seconds and at most an hour. Without a
 * window it is an hour. */
int64_t dedup_span_ms(int64_t window_ms);

/* Returns the number of the span that contains `at`. Span numbers wrap after 7
 * days (spans of ten seconds) to 7 years (spans of an hour). */
uint16_t dedup_span(int64_t at, int64_t span_ms);

/* Prefetches the slot that dedup_add() reads first. */
void dedup_prefetch(const struct dedup *s, struct fingerprint f);

/* The result of looking up a fingerprint. */
enum dedup_found {
	DEDUP_NEW,
	DEDUP_KNOWN,
	DEDUP_LATER, /* known, but from an earlier span than the record's */
};

enum dedup_found dedup_find(
    const struct dedup *s, struct fingerprint f, uint16_t span);

/* Adds the fingerprint; a known one moves to this span if it is later. */
enum dedup_found dedup_add(
    struct dedup *s, struct fingerprint f, uint16_t span);

/* Moves all fingerprints to this span, and calls back for each. */
void dedup_date_all(struct dedup *s, uint16_t span,
    void (*each)(void *ctx, struct fingerprint f), void *ctx);

/* Spans before `oldest` expire. Their slots count as empty until they are
 * removed. */
void dedup_expire(struct dedup *s, uint16_t oldest);

#endif
