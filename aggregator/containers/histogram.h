/*
 * histogram: which bucket a duration falls into. 32 buckets to each doubling,
 * so that a bucket is at most 1/32 of its lower end wide: whatever is read
 * from it (a median, a percentile) is off by less than 1/32, and its middle,
 * which the views of parts take, by less than 1/64. Below 64 ms a bucket is
 * one millisecond. The buckets are the same everywhere, so histograms of
 * operators, hours and machines are added bucket by bucket.
 *
 * HdrHistogram_c was weighed, of which this is the arithmetic; Debian has it
 * for Go and Java only. It keeps all counts of a histogram in one array: 26,728
 * bytes for durations of up to 30 days at two digits, 3,816 at one, which would
 * be off by 1/16. Here a count is a row, and those of which nothing fell into
 * the bucket are not there.
 */
#ifndef AGGREGATOR_CONTAINERS_HISTOGRAM_H
#define AGGREGATOR_CONTAINERS_HISTOGRAM_H

#include <stdint.h>

/* Of a duration in ms; below 0 counts as 0. */
uint32_t histogram_bucket(int64_t ms);

/* The smallest and the largest duration in it. */
int64_t histogram_low(uint32_t bucket);
int64_t histogram_high(uint32_t bucket);

#endif
