/*
 * stats: mean, median and percentile of a set of durations, exact in whole
 * milliseconds, as METRICS rounds them. A zeroed struct is an empty sample.
 */
#ifndef AGGREGATOR_STATS_H
#define AGGREGATOR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a figure is when nothing is there to make it of: NULL, never 0. */
#define STATS_NONE INT64_MIN

/* Sums of 64-bit values need more than 64 bits. */
__extension__ typedef __int128 stats_wide;

struct sample {
	int64_t *v; /* private; none below 0 */
	size_t n, cap;
	bool sorted;
};

void sample_add(struct sample *s, int64_t ms);
void sample_release(struct sample *s);

/* All return STATS_NONE for an empty sample. */

/* Rounded half up. */
int64_t sample_mean(const struct sample *s);

/* The middle value; of an even number the mean of the two, half up. */
int64_t sample_median(struct sample *s);

/* Nearest rank: element ceil(percent / 100 * n), percent from 1 to 100. */
int64_t sample_percentile(struct sample *s, unsigned percent);

#endif
