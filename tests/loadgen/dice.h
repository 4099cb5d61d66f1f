/*
 * dice: the generator's random numbers (splitmix64), inline because each record
 * needs several. It uses integers only, so one seed gives the same stream on
 * every machine.
 */
#ifndef TESTS_LOADGEN_DICE_H
#define TESTS_LOADGEN_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
	uint64_t state;
};

static inline uint64_t
dice_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

static inline uint64_t
dice_next(struct dice *d)
{
	return dice_mix(d->state += 0x9e3779b97f4a7c15U);
}

/* 0 .. n-1; n > 0. */
static inline uint32_t
dice_below(struct dice *d, uint32_t n)
{
	return (uint32_t)(((dice_next(d) >> 32) * n) >> 32);
}

/* True in that many of a million cases. */
static inline bool
dice_chance(struct dice *d, uint32_t per_million)
{
	return dice_below(d, 1000000) < per_million;
}

#endif
