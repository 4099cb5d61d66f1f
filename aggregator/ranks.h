/*
 * ranks: a multiset of whole milliseconds from which any element by rank, the
 * sum, the least and the greatest are had exactly, while elements come and go.
 * A zeroed struct is empty.
 *
 * While elements are only added they are just appended, and a rank is found by
 * selection; the first removal sorts them into chunks, in which a change moves
 * at most a few hundred numbers.
 */
#ifndef AGGREGATOR_RANKS_H
#define AGGREGATOR_RANKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/stats.h"

struct ranks_chunk;

/* n may be read, the rest is private. */
struct ranks {
	size_t n;
	stats_wide sum;
	int64_t *v; /* as they came */
	size_t cap;
	struct ranks_chunk **chunks; /* sorted, once something was removed */
	size_t chunks_n, chunks_cap;
};

void ranks_release(struct ranks *r);
void ranks_insert(struct ranks *r, int64_t ms);

/* One of that value, which must be there. */
void ranks_remove(struct ranks *r, int64_t ms);

/* All return STATS_NONE of an empty set. */

int64_t ranks_min(const struct ranks *r);
int64_t ranks_max(const struct ranks *r);

/* The element of that rank, from 1 to n. */
int64_t ranks_at(struct ranks *r, size_t rank);

/* Rounded half up. */
int64_t ranks_mean(const struct ranks *r);

/* The middle value; of an even number the mean of the two, half up. */
int64_t ranks_median(struct ranks *r);

/* Nearest rank: element ceil(percent / 100 * n), percent from 1 to 100. */
int64_t ranks_percentile(struct ranks *r, unsigned percent);

#endif
