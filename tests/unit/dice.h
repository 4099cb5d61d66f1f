/*
 * dice: random numbers for tests, the same in every run and on every machine.
 */
#ifndef TESTS_UNIT_DICE_H
#define TESTS_UNIT_DICE_H

#include <stdint.h>

/* The seed of a test that is given none; never 0. */
#define DICE_START UINT64_C(88172645463325252)

/* From 0 to below - 1. */
static inline uint64_t
dice_below(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

#endif
