/*
 * tally: see tally.h.
 */
#include "aggregator/containers/tally.h"

int64_t
tally_mean_of(tally_wide sum, size_t n)
{
	if (n == 0)
		return TALLY_NONE;
	/* The usual case needs no 128-bit division. */
	if (sum <= INT64_MAX / 4 && n <= INT64_MAX / 4)
		return (2 * (int64_t)sum + (int64_t)n) / (2 * (int64_t)n);
	return (int64_t)((2 * sum + (tally_wide)n) / (2 * (tally_wide)n));
}

int64_t
tally_mean(const struct tally *t)
{
	return tally_mean_of(t->sum, t->n);
}
