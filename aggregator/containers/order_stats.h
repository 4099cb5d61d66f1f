/*
 * order_stats: figures of durations in whole milliseconds, exact and rounded as
 * in messaging-metrics(7).
 *
 * A tally has the number, the sum and the average. An order_stats is a multiset
 * that also gives the element of any rank, the minimum and the maximum, while
 * elements are added and removed. A zeroed struct of either is empty.
 *
 * At first an order_stats appends elements to an array. The first removal or
 * query for a rank sorts them into chunks; after that a change moves at most
 * CHUNK numbers.
 *
 * HdrHistogram and t-digests were considered, but their ranks are approximate;
 * medians and percentiles in messaging-metrics(7) are exact.
 */
#ifndef AGGREGATOR_CONTAINERS_ORDER_STATS_H
#define AGGREGATOR_CONTAINERS_ORDER_STATS_H

#include <stddef.h>
#include <stdint.h>

/* The metric of an empty set: NULL in a row, never 0. */
#define TALLY_NONE INT64_MIN

/* A sum of 64-bit values needs more than 64 bits. */
__extension__ typedef __int128 tally_wide;

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

struct order_stats_chunk;

/* Callers may read n and sum; the rest is private. */
struct order_stats {
	tally_wide sum;
	size_t n;
	int64_t *v; /* unsorted, used until there are chunks */
	size_t cap;
	struct order_stats_chunk **chunks; /* sorted */
	size_t chunks_n, chunks_cap;
};

void order_stats_release(struct order_stats *r);
void order_stats_insert(struct order_stats *r, int64_t ms);

/* Removes one element with that value, which must exist. */
void order_stats_remove(struct order_stats *r, int64_t ms);

/* Returns the element of that rank, from 1 to n. */
int64_t order_stats_at(struct order_stats *r, size_t rank);

/* The following functions return TALLY_NONE for an empty set. */

int64_t order_stats_min(struct order_stats *r);
int64_t order_stats_max(struct order_stats *r);

/* Rounded half up. */
int64_t order_stats_mean(const struct order_stats *r);

/* Returns the middle element; for an even n, the average of the two middle
 * ones, rounded half up. */
int64_t order_stats_median(struct order_stats *r);

/* Nearest rank: the element ceil(percent / 100 * n), with percent from 1 to
 * 100. */
int64_t order_stats_percentile(struct order_stats *r, unsigned percent);

#endif
