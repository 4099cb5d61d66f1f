/*
 * count_cache: counts of many rows, kept in memory while the server runs. The
 * database counts some million rows a second, so a count of as many as a large
 * tenant has would hold up the answers behind it each time; and of so many a
 * few more or less are nobody's question. The system that these routes come
 * from kept its answers for five minutes.
 *
 * Any thread.
 */
#ifndef SINK_RESOURCES_COUNT_CACHE_H
#define SINK_RESOURCES_COUNT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

/* A smaller count is not kept. */
#define COUNT_CACHE_LEAST 50000
/* For a second each so many, and at most: */
#define COUNT_CACHE_EACH_S 5000
#define COUNT_CACHE_MOST_MS 50000
/* So much longer while one thread counts anew. */
#define COUNT_CACHE_LATE_MS 10000

/* Counts; false: it failed. */
typedef bool count_cache_fn(void *ctx, int64_t *n);

/* What is kept, else what count() counts; one thread at a time counts the same,
 * while others answer what was kept, or wait for it. What is counted, `what`,
 * is a constant. False: count() failed. */
bool count_cache_get(const char *tenant, const char *what,
    count_cache_fn *count, void *ctx, int64_t *n)
    __attribute__((warn_unused_result));

/* Its steps. now_ms: of the monotonic clock. */
bool count_cache_find(
    const char *tenant, const char *what, int64_t now_ms, int64_t *n);
void count_cache_put(
    const char *tenant, const char *what, int64_t now_ms, int64_t n);

#endif
