/*
 * seen: which identities came already, of one tenant: a table of fingerprints
 * with the hour of the record's own time, so that what is older than the
 * window can be forgotten hour by hour.
 *
 * A fingerprint has 112 bits, made with a random seed: among 10^9 identities
 * two are taken for one with a chance of 10^-16. A slot has 16 bytes, at most
 * 3/4 of the slots are used; the table doubles when it is full. Expired slots
 * are swept a few at each insert, there is no pause for it.
 */
#ifndef AGGREGATOR_SEEN_H
#define AGGREGATOR_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

struct fingerprint {
	uint64_t a;
	uint64_t b; /* the low 16 bits are 0: the hour goes there */
};

/* A random secret; fingerprints that are kept are worth nothing without it. */
struct seen_seed {
	uint64_t k[2];
};

/* Private. */
struct seen {
	struct seen_seed seed;
	struct fingerprint *slots;
	size_t mask; /* slots - 1 */
	size_t n;
	size_t sweep;    /* where the sweeping stands */
	size_t to_sweep; /* slots that may hold something expired */
	uint16_t oldest; /* hour that is kept */
};

struct seen_seed seen_new_seed(void);
void seen_init(struct seen *s, struct seen_seed seed);
void seen_release(struct seen *s);

/* Of a message: chat and id; of an event: id, with the chat absent. */
struct fingerprint seen_fingerprint(
    const struct seen *s, struct text chat, struct text id);

/* Hours of message time, of any `at`; they wrap after 7 years. */
uint16_t seen_hour(int64_t at);

/* Has the slot fetched while the caller does something else. */
void seen_prefetch(const struct seen *s, struct fingerprint f);

/* True when it was not there, and is now. */
bool seen_add(struct seen *s, struct fingerprint f, uint16_t hour);

/* Hours before that one are forgotten, little by little; those of them that
 * are still there count as not there. */
void seen_expire(struct seen *s, uint16_t oldest);

#endif
