/*
 * seen: which identities came already, of one tenant: a table of fingerprints
 * with the span of the record's own time, an hour or less, so that what is
 * older than the window is forgotten span by span.
 *
 * A fingerprint has 112 bits, made with a random seed: among 10^9 identities
 * two are taken for one with a chance of 10^-16. A slot has 16 bytes and what
 * the user adds; the table is cut into parts, each at most 3/4 full, which
 * double one by one, and expired slots are swept a few at each insert: there
 * is no long pause.
 */
#ifndef AGGREGATOR_SEEN_H
#define AGGREGATOR_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

struct fingerprint {
	uint64_t a; /* never 0 */
	uint64_t b; /* the low 16 bits are 0: the span goes there */
};

/* A random secret; fingerprints that are kept are worth nothing without it. */
struct seen_seed {
	uint64_t k[2];
};

#define SEEN_PARTS 256

/* n may be read, the rest is private. */
struct seen {
	size_t n; /* expired ones that were not swept yet included */
	struct seen_seed seed;
	size_t width; /* of a slot, in words: 2 and the user's */
	struct seen_part {
		uint64_t *slots;
		size_t mask, n;
	} parts[SEEN_PARTS];
	uint16_t oldest;               /* span that is kept */
	bool expires;                  /* oldest was told */
	size_t sweep_part, sweep_slot; /* where the sweeping stands */
	size_t to_sweep;               /* parts left to sweep */
};

/* Never the same. */
struct seen_seed seen_new_seed(void);

/* words: how many 64-bit words of the user's each slot has. */
void seen_init(struct seen *s, struct seen_seed seed, size_t words);
void seen_release(struct seen *s);

/* Of a message: chat and id; of an event: id, with the chat absent. */
struct fingerprint seen_fingerprint(
    const struct seen *s, struct text chat, struct text id);

/* How long a span is: a 24th of the window, so that little more than that is
 * kept, from ten seconds to an hour; without a window an hour. */
int64_t seen_span_ms(int64_t window_ms);

/* The number of the span that at lies in; it wraps after 7 days (spans of ten
 * seconds) to 7 years (hours). */
uint16_t seen_span(int64_t at, int64_t span_ms);

/* Has the slot on its way that seen_enter() will look at. */
void seen_prefetch(const struct seen *s, struct fingerprint f);

/* Where the user's words are; *fresh: it was not there, and is now, with words
 * of 0. Valid until the next call. */
uint64_t *seen_enter(
    struct seen *s, struct fingerprint f, uint16_t span, bool *fresh);

bool seen_has(const struct seen *s, struct fingerprint f);

/* True when it was not there, and is now. */
bool seen_add(struct seen *s, struct fingerprint f, uint16_t span);

/* All there are: the words of the next one and its fingerprint, or NULL; start
 * with *i = 0. */
const uint64_t *seen_next(
    const struct seen *s, size_t *i, struct fingerprint *f);

/* Spans before that one are forgotten; what is left of them until it is swept
 * counts as not there. */
void seen_expire(struct seen *s, uint16_t oldest);

#endif
