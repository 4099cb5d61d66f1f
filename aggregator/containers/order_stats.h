/*
 * order_stats: a multiset of whole milliseconds that gives the element of any
 * rank, the sum, the minimum and the maximum exactly, while elements are added
 * and removed. A zeroed struct is empty.
 *
 * At first elements are appended to an array, and a rank is found by selection,
 * which suits a caller that adds all elements and then asks once. The first
 * removal or repeated asking sorts them into chunks, in which a change moves
 * CHUNK numbers at most.
 *
 * Weighed: HdrHistogram and t-digests, which give a rank nearly; what
 * messaging-metrics(7) calls a median or a percentile is exact.
 */
#ifndef AGGREGATOR_CONTAINERS_ORDER_STATS_H
#define AGGREGATOR_CONTAINERS_ORDER_STATS_H

#include "aggregator/containers/tally.h"

struct order_stats_chunk;

/* n and sum may be read, the rest is private. */
struct order_stats {
	tally_wide sum;
	size_t n;
	int64_t *v; /* in any order, while there are no chunks */
	size_t cap;
	size_t split;   /* index of v: none before it is greater, none after it
			   is less; n or above: no such index is known */
	unsigned asked; /* ranks, since there are no chunks */
	struct order_stats_chunk **chunks; /* sorted */
	size_t chunks_n, chunks_cap;
};

void order_stats_release(struct order_stats *r);
void order_stats_insert(struct order_stats *r, int64_t ms);

/* Removes one element of that value, which must exist. */
void order_stats_remove(struct order_stats *r, int64_t ms);

/* The element of that rank, from 1 to n. */
int64_t order_stats_at(struct order_stats *r, size_t rank);

/* The number of elements that are not greater. */
size_t order_stats_up_to(struct order_stats *r, int64_t ms);

/* The following return TALLY_NONE for an empty set. */

int64_t order_stats_min(struct order_stats *r);
int64_t order_stats_max(struct order_stats *r);

/* Rounded half up. */
int64_t order_stats_mean(const struct order_stats *r);

/* The middle element; for an even n the mean of the two, rounded half up. */
int64_t order_stats_median(struct order_stats *r);

/* Nearest rank: element ceil(percent / 100 * n), percent from 1 to 100. */
int64_t order_stats_percentile(struct order_stats *r, unsigned percent);

#endif
