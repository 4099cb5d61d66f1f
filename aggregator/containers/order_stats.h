/*
 * order_stats: a multiset of whole milliseconds from which any element by rank,
 * the sum, the least and the greatest are had exactly, while elements come and
 * go. A zeroed struct is empty.
 *
 * At first elements are just appended, and a rank is found by selection: right
 * for who adds all and then asks once. The first removal, or asking again and
 * again, sorts them into chunks, in which a change moves a few hundred numbers
 * at most.
 */
#ifndef AGGREGATOR_CONTAINERS_ORDER_STATS_H
#define AGGREGATOR_CONTAINERS_ORDER_STATS_H

#include "aggregator/containers/stats.h"

struct order_stats_chunk;

/* n and sum may be read, the rest is private. */
struct order_stats {
	stats_wide sum;
	size_t n;
	int64_t *v; /* as they came, while there are no chunks */
	size_t cap;
	size_t split; /* of v: nothing before it is greater, nothing behind it
			 less; n: not known of any */
	unsigned asked;
	struct order_stats_chunk **chunks; /* sorted */
	size_t chunks_n, chunks_cap;
};

void order_stats_release(struct order_stats *r);
void order_stats_insert(struct order_stats *r, int64_t ms);

/* One of that value, which must be there. */
void order_stats_remove(struct order_stats *r, int64_t ms);

/* The element of that rank, from 1 to n. */
int64_t order_stats_at(struct order_stats *r, size_t rank);

/* How many are not greater than that. */
size_t order_stats_up_to(struct order_stats *r, int64_t ms);

/* These return STATS_NONE of an empty set. */

int64_t order_stats_min(struct order_stats *r);
int64_t order_stats_max(struct order_stats *r);

/* Rounded half up. */
int64_t order_stats_mean(const struct order_stats *r);

/* The middle value; of an even number the mean of the two, half up. */
int64_t order_stats_median(struct order_stats *r);

/* Nearest rank: element ceil(percent / 100 * n), percent from 1 to 100. */
int64_t order_stats_percentile(struct order_stats *r, unsigned percent);

#endif
