/*
 * stats: see stats.h.
 */
#include "aggregator/containers/stats.h"

int64_t
stats_mean(stats_wide sum, size_t n)
{
	if (n == 0)
		return STATS_NONE;
	/* The usual case, without a division of 128 bits. */
	if (sum <= INT64_MAX / 4 && n <= INT64_MAX / 4)
		return (2 * (int64_t)sum + (int64_t)n) / (2 * (int64_t)n);
	return (int64_t)((2 * sum + (stats_wide)n) / (2 * (stats_wide)n));
}

int64_t
tally_mean(const struct tally *t)
{
	return stats_mean(t->sum, t->n);
}
