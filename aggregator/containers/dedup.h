/*
 * dedup: which identities of one tenant came within the window: a hash table of
 * fingerprints, each with the span of time, an hour or less, that its record
 * belongs to. Identities older than the window expire span by span.
 *
 * A fingerprint has 112 bits and is made with a random seed: among 10^9
 * identities two collide with a probability of 10^-16. It takes four hashes of
 * hash.h, some 10 ns; two of keyed_hash.h would take 50. A slot has 16 bytes
 * and the user's words. The table has 256 parts, each at most 3/4 full, which
 * double one by one, and expired slots are removed a few at each insertion: no
 * insertion takes long.
 */
#ifndef AGGREGATOR_CONTAINERS_DEDUP_H
#define AGGREGATOR_CONTAINERS_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/records/record.h"

struct fingerprint {
	uint64_t a; /* never 0 */
	uint64_t b; /* the low 16 bits are 0: the span goes there */
};

/* A random secret; stored fingerprints are of use with their seed only. */
struct dedup_seed {
	uint64_t k[2];
};

#define DEDUP_PARTS 256

/* n may be read, the rest is private. */
struct dedup {
	size_t n; /* with expired ones that are not removed yet */
	struct dedup_seed seed;
	size_t width; /* of a slot, in words: 2 and the user's */
	struct dedup_part {
		uint64_t *slots;
		size_t mask, n;
	} parts[DEDUP_PARTS];
	uint16_t oldest;               /* the oldest span that is kept */
	bool expires;                  /* oldest was set */
	size_t sweep_part, sweep_slot; /* the next slot to sweep */
	size_t to_sweep;               /* how many parts are left */
};

/* A new random seed. */
struct dedup_seed dedup_new_seed(void);

/* words: how many 64-bit words each slot has for the user. */
void dedup_init(struct dedup *s, struct dedup_seed seed, size_t words);
void dedup_release(struct dedup *s);

/* Of a message: chat and id; of an event: its id, the chat absent. */
struct fingerprint dedup_fingerprint(
    const struct dedup *s, struct text chat, struct text id);

/* The length of a span: a 24th of the window, so that little more than the
 * window is kept, from ten seconds to an hour; without a window an hour. */
int64_t dedup_span_ms(int64_t window_ms);

/* The number of the span that at lies in; it wraps after 7 days (spans of ten
 * seconds) to 7 years (hours). */
uint16_t dedup_span(int64_t at, int64_t span_ms);

/* Prefetches the slot that dedup_enter() reads first. */
void dedup_prefetch(const struct dedup *s, struct fingerprint f);

/* What is known of a fingerprint when its record comes (again). */
enum dedup_found {
	DEDUP_NEW,
	DEDUP_KNOWN,
	DEDUP_LATER, /* known, but only of a span before the record's */
};

/* Finds or adds the fingerprint and returns the user's words, valid until the
 * next call; those of a new one are 0. A known one keeps its span. */
uint64_t *dedup_enter(struct dedup *s, struct fingerprint f, uint16_t span,
    enum dedup_found *found);

enum dedup_found dedup_find(
    const struct dedup *s, struct fingerprint f, uint16_t span);

/* What is there belongs to this span from now on: one fingerprint, or all. */
void dedup_date(struct dedup *s, struct fingerprint f, uint16_t span);
void dedup_date_all(struct dedup *s, uint16_t span);

/* Adds the fingerprint, or dates a known one to a later span. */
enum dedup_found dedup_add(
    struct dedup *s, struct fingerprint f, uint16_t span);

/* Iterates from *i = 0: the words of the next fingerprint and *f, or NULL. */
const uint64_t *dedup_next(
    const struct dedup *s, size_t *i, struct fingerprint *f);

/* Spans before that one expire; their slots count as empty until they are
 * removed. */
void dedup_expire(struct dedup *s, uint16_t oldest);

#endif
