/*
 * duration_bucket: the bucket of a duration in a histogram, for example of
 * response times. Each doubling has 32 buckets, so the width of a bucket is at
 * most 1/32 of its lower end: a median or percentile read from a histogram has
 * an error of less than 1/32. Below 64 ms, a bucket is one millisecond wide.
 * The buckets are the same everywhere, so histograms of operators and hours can
 * be added bucket by bucket.
 *
 * The arithmetic is that of HdrHistogram_c, which Debian does not package. That
 * library keeps all counts of a histogram in one array: 26,728 bytes for
 * durations of up to 30 days with two digits, 3,816 with one digit, which would
 * give an error of 1/16. Here empty buckets are not stored.
 */
#ifndef COMMON_CONTAINERS_DURATION_BUCKET_H
#define COMMON_CONTAINERS_DURATION_BUCKET_H

#include <stdint.h>

/* The number of buckets for durations from 0 to INT64_MAX. */
#define DURATION_BUCKETS 1888

/* Returns the bucket of a duration in ms; negative ones count as 0. */
uint32_t duration_bucket(int64_t ms);

/* The same in SQL, for a column with ms of at least 0. */
#define DURATION_BUCKET_SQL(ms)                                                \
	"CASE WHEN " ms " < 64 THEN " ms " ELSE (LENGTH(BIN(" ms               \
	")) - 6) * 32 + (" ms " >> (LENGTH(BIN(" ms ")) - 6)) END"

/* Return the smallest and largest duration of a bucket in ms. */
int64_t duration_bucket_low(uint32_t bucket);
int64_t duration_bucket_high(uint32_t bucket);

#endif
