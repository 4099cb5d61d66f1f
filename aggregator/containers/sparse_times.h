/*
 * sparse_times: a list of times that is asked which long stretches of time have
 * one: of those that lie within a span only the first and the last are kept. A
 * stretch that is longer than the span and has a time between two that are kept
 * has one of the two as well.
 */
#ifndef AGGREGATOR_CONTAINERS_SPARSE_TIMES_H
#define AGGREGATOR_CONTAINERS_SPARSE_TIMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In order. NULL is an empty list. */
struct sparse_times {
	size_t n;
	int64_t at[];
};

/* In ms; 0: the span has no end, and only the last time is kept. */
void sparse_times_add(struct sparse_times **t, int64_t at, int64_t span);
/* Is there one from then on and before the other? */
bool sparse_times_any(
    const struct sparse_times *t, int64_t from, int64_t before);
/* The oldest one from then on; CLOCK_NONE: there is none. */
int64_t sparse_times_first(const struct sparse_times *t, int64_t from);
/* The newest one; CLOCK_NONE: there is none. */
int64_t sparse_times_last(const struct sparse_times *t);
/* Removes those of which keep() says no. */
typedef bool sparse_times_fn(void *ctx, int64_t at);
void sparse_times_filter(
    struct sparse_times **t, sparse_times_fn *keep, void *ctx);

#endif
