/*
 * dedup: which identities came already, of one tenant: a table of fingerprints
 * with the span of the record's own time, an hour or less, so that what is
 * older than the window is forgotten span by span.
 *
 * A fingerprint has 112 bits, made with a random seed: among 10^9 identities
 * two are taken for one with a chance of 10^-16. It is made of four hashes of
 * hash.h, some 10 ns; two of keyed_hash.h take 50. A slot has 16 bytes and what
 * the user adds; the table is cut into parts, each at most 3/4 full, which
 * double one by one, and expired slots are swept a few at each insert: there
 * is no long pause.
 */
#ifndef AGGREGATOR_MODEL_DEDUP_H
#define AGGREGATOR_MODEL_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/records/record.h"

struct fingerprint {
	uint64_t a; /* never 0 */
	uint64_t b; /* the low 16 bits are 0: the span goes there */
};

/* A random secret; fingerprints that are kept are worth nothing without it. */
struct dedup_seed {
	uint64_t k[2];
};

#define DEDUP_PARTS 256

/* n may be read, the rest is private. */
struct dedup {
	size_t n; /* expired ones that were not swept yet included */
	struct dedup_seed seed;
	size_t width; /* of a slot, in words: 2 and the user's */
	struct dedup_part {
		uint64_t *slots;
		size_t mask, n;
	} parts[DEDUP_PARTS];
	uint16_t oldest;               /* span that is kept */
	bool expires;                  /* oldest was told */
	size_t sweep_part, sweep_slot; /* where the sweeping stands */
	size_t to_sweep;               /* parts left to sweep */
};

/* Never the same. */
struct dedup_seed dedup_new_seed(void);

/* words: how many 64-bit words of the user's each slot has. */
void dedup_init(struct dedup *s, struct dedup_seed seed, size_t words);
void dedup_release(struct dedup *s);

/* Of a message: chat and id; of an event: id, with the chat absent. */
struct fingerprint dedup_fingerprint(
    const struct dedup *s, struct text chat, struct text id);

/* How long a span is: a 24th of the window, so that little more than that is
 * kept, from ten seconds to an hour; without a window an hour. */
int64_t dedup_span_ms(int64_t window_ms);

/* The number of the span that at lies in; it wraps after 7 days (spans of ten
 * seconds) to 7 years (hours). */
uint16_t dedup_span(int64_t at, int64_t span_ms);

/* Has the slot on its way that dedup_enter() will look at. */
void dedup_prefetch(const struct dedup *s, struct fingerprint f);

/* Where the user's words are; *fresh: it was not there, and is now, with words
 * of 0. Valid until the next call. */
uint64_t *dedup_enter(
    struct dedup *s, struct fingerprint f, uint16_t span, bool *fresh);

bool dedup_has(const struct dedup *s, struct fingerprint f);

/* True when it was not there, and is now. */
bool dedup_add(struct dedup *s, struct fingerprint f, uint16_t span);

/* All there are: the words of the next one and its fingerprint, or NULL; start
 * with *i = 0. */
const uint64_t *dedup_next(
    const struct dedup *s, size_t *i, struct fingerprint *f);

/* Spans before that one are forgotten; what is left of them until it is swept
 * counts as not there. */
void dedup_expire(struct dedup *s, uint16_t oldest);

#endif
