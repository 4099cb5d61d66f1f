/*
 * rng: the simulator's random numbers. Each dialog has its own generator, so a
 * control call to one dialog changes no other, and the same seed makes the same
 * world. It uses integers only and no libm, so it gives the same numbers on
 * every machine.
 */
#ifndef TESTS_CRM_RNG_H
#define TESTS_CRM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

struct rng rng_seeded(uint64_t seed, uint64_t stream);
uint64_t rng_next(struct rng *r);

/* 0 .. n-1; n > 0. */
int64_t rng_below(struct rng *r, int64_t n);

/* True in per_mille of 1000 cases. */
bool rng_chance(struct rng *r, int per_mille);

/* Returns a positive value with that mean and a long tail, up to 8 times the
 * mean. */
int64_t rng_spread(struct rng *r, int64_t mean);

#endif
