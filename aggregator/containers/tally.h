/*
 * tally: sums and averages of durations, exact in whole milliseconds, rounded
 * as in messaging-metrics(7). Medians and percentiles are in order_stats.h.
 */
#ifndef AGGREGATOR_CONTAINERS_TALLY_H
#define AGGREGATOR_CONTAINERS_TALLY_H

#include <stddef.h>
#include <stdint.h>

/* The metric of an empty set: NULL in a row, never 0. */
#define TALLY_NONE INT64_MIN

/* A sum of 64-bit values needs more than 64 bits. */
__extension__ typedef __int128 tally_wide;

/* The number and the sum of values. A zeroed struct is empty. */
struct tally {
	tally_wide sum;
	size_t n;
};

static inline void
tally_add(struct tally *t, int64_t ms)
{
	t->sum += ms;
	t->n++;
}

/* Removes a value that was added earlier. */
static inline void
tally_remove(struct tally *t, int64_t ms)
{
	t->sum -= ms;
	t->n--;
}

/* Returns the average, rounded half up; TALLY_NONE if n is 0. Values must not
 * be negative. */
static inline int64_t
tally_mean_of(tally_wide sum, size_t n)
{
	if (n == 0)
		return TALLY_NONE;
	/* The usual case needs no 128-bit division. */
	if (sum <= INT64_MAX / 4 && n <= INT64_MAX / 4)
		return (2 * (int64_t)sum + (int64_t)n) / (2 * (int64_t)n);
	return (int64_t)((2 * sum + (tally_wide)n) / (2 * (tally_wide)n));
}

static inline int64_t
tally_mean(const struct tally *t)
{
	return tally_mean_of(t->sum, t->n);
}

#endif
