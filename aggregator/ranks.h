/*
 * ranks: a multiset of whole milliseconds from which any element by rank, the
 * sum, the least and the greatest are had exactly, while elements come and go.
 * A zeroed struct is empty.
 *
 * At first elements are just appended, and a rank is found by selection: right
 * for who adds all and then asks once. The first removal, or asking again and
 * again, sorts them into chunks, in which a change moves a few hundred numbers
 * at most.
 */
#ifndef AGGREGATOR_RANKS_H
#define AGGREGATOR_RANKS_H

#include "aggregator/stats.h"

struct ranks_chunk;

/* n and sum may be read, the rest is private. */
struct ranks {
	stats_wide sum;
	size_t n;
	int64_t *v; /* as they came, while there are no chunks */
	size_t cap;
	size_t split; /* of v: nothing before it is greater, nothing behind it
			 less; n: not known of any */
	unsigned asked;
	struct ranks_chunk **chunks; /* sorted */
	size_t chunks_n, chunks_cap;
};

void ranks_release(struct ranks *r);
void ranks_insert(struct ranks *r, int64_t ms);

/* One of that value, which must be there. */
void ranks_remove(struct ranks *r, int64_t ms);

/* The element of that rank, from 1 to n. */
int64_t ranks_at(struct ranks *r, size_t rank);

/* How many are not greater than that. */
size_t ranks_up_to(struct ranks *r, int64_t ms);

/* These return STATS_NONE of an empty set. */

int64_t ranks_min(struct ranks *r);
int64_t ranks_max(struct ranks *r);

/* Rounded half up. */
int64_t ranks_mean(const struct ranks *r);

/* The middle value; of an even number the mean of the two, half up. */
int64_t ranks_median(struct ranks *r);

/* Nearest rank: element ceil(percent / 100 * n), percent from 1 to 100. */
int64_t ranks_percentile(struct ranks *r, unsigned percent);

#endif
