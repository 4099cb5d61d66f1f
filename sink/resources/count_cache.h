/*
 * count_cache: counts of many rows of a period that ends now, kept in memory
 * while the server runs. The database counts some million rows a second, so a
 * count of as many as a large tenant has would hold up the answers behind it
 * each time; and of so many a few more or less are nobody's question. The
 * system that these routes come from kept its answers for five minutes.
 *
 * Any thread.
 */
#ifndef SINK_RESOURCES_COUNT_CACHE_H
#define SINK_RESOURCES_COUNT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

/* A smaller count is not kept. */
#define COUNT_CACHE_LEAST 10000
/* For such a part of the period, and at most: */
#define COUNT_CACHE_PART 10000
#define COUNT_CACHE_MOST_MS 50000
/* So much longer while one thread counts again. */
#define COUNT_CACHE_LATE_MS 10000

/* Counts; false: it failed. */
typedef bool count_cache_fn(void *ctx, int64_t *n);

/* A count of a period. */
struct count_cache_key {
	const char *tenant, *what; /* borrowed; what is counted is a constant */
	int64_t period_ms;         /* the same for all that is counted so */
};

/* What is kept, else what count() counts; one thread at a time counts the same,
 * while others answer what was kept, or wait for it. False: count() failed. */
bool count_cache_get(const struct count_cache_key *k, count_cache_fn *count,
    void *ctx, int64_t *n) __attribute__((warn_unused_result));

#endif
