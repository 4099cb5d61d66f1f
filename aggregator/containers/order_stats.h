/*
 * order_stats: a multiset of whole milliseconds that gives the element of any
 * rank, the sum, the minimum and the maximum exactly, while elements are added
 * and removed. A zeroed struct is empty.
 *
 * At first elements are appended to an array. The first removal or query for a
 * rank sorts them into chunks; after that a change moves at most CHUNK numbers.
 *
 * HdrHistogram and t-digests were considered, but their ranks are approximate;
 * medians and percentiles in messaging-metrics(7) are exact.
 */
#ifndef AGGREGATOR_CONTAINERS_ORDER_STATS_H
#define AGGREGATOR_CONTAINERS_ORDER_STATS_H

#include "aggregator/containers/tally.h"

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

/* Returns the number of elements that are not greater than ms. */
size_t order_stats_up_to(struct order_stats *r, int64_t ms);

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
