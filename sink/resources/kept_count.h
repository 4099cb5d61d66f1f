/*
 * kept_count: counts of many rows, kept in memory while the server runs. The
 * database counts some million rows a second, so a count of as many as a large
 * tenant has would hold up the answers behind it each time; and of so many a
 * few more or less are nobody's question. The system that these routes come
 * from kept its answers for five minutes.
 *
 * Any thread.
 */
#ifndef SINK_RESOURCES_KEPT_COUNT_H
#define SINK_RESOURCES_KEPT_COUNT_H

#include <stdbool.h>
#include <stdint.h>

/* A smaller count is not kept. */
#define KEPT_COUNT_LEAST 50000
/* For a second each so many, and at most: */
#define KEPT_COUNT_EACH_S 5000
#define KEPT_COUNT_MOST_MS 50000
/* So much longer while one thread counts anew. */
#define KEPT_COUNT_LATE_MS 10000

/* Counts; false: it failed. */
typedef bool kept_counter(void *ctx, int64_t *n);

/* What is kept, else what count() counts; one thread at a time counts the same,
 * while others answer what was kept, or wait for it. What is counted, `what`,
 * is a constant. False: count() failed. */
bool kept_count(const char *tenant, const char *what, kept_counter *count,
    void *ctx, int64_t *n) __attribute__((warn_unused_result));

/* Its steps. now_ms: of the monotonic clock. */
bool kept_count_find(
    const char *tenant, const char *what, int64_t now_ms, int64_t *n);
void kept_count_keep(
    const char *tenant, const char *what, int64_t now_ms, int64_t n);

#endif
