/*
 * histogram: which bucket a duration falls into. 32 buckets to each doubling,
 * so that a bucket is at most 1/32 of its lower end wide: whatever is read
 * from it (a median, a percentile) is off by less than 1/32, and its middle,
 * which the views of parts take, by less than 1/64. Below 64 ms a bucket is
 * one millisecond. The buckets are the same everywhere, so histograms of
 * operators, hours and machines are added bucket by bucket.
 */
#ifndef AGGREGATOR_HISTOGRAM_H
#define AGGREGATOR_HISTOGRAM_H

#include <stdint.h>

/* Of a duration in ms; below 0 counts as 0. */
uint32_t histogram_bucket(int64_t ms);

/* The smallest and the largest duration in it. */
int64_t histogram_low(uint32_t bucket);
int64_t histogram_high(uint32_t bucket);

#endif
