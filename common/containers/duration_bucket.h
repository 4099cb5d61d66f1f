/*
 * duration_bucket: the bucket of a duration in a histogram, such as those of
 * response times. Each doubling has 32 buckets, so a bucket is at most 1/32 of
 * its lower end wide: a median or percentile read from a histogram is off by
 * less than 1/32, and the middle of a bucket, which the views over shards take,
 * by less than 1/64. Below 64 ms a bucket is one millisecond. The buckets are
 * the same everywhere, so histograms of operators, hours and machines are added
 * bucket by bucket.
 *
 * This is the arithmetic of HdrHistogram_c, which Debian does not package. That
 * library keeps all counts of a histogram in one array: 26,728 bytes for
 * durations of up to 30 days at two digits, 3,816 at one digit, which would be
 * off by 1/16. Here a count is a row, and empty buckets have none.
 */
#ifndef COMMON_CONTAINERS_DURATION_BUCKET_H
#define COMMON_CONTAINERS_DURATION_BUCKET_H

#include <stdint.h>

/* Those of all durations from 0 to INT64_MAX: greater numbers are no bucket. */
#define DURATION_BUCKETS 1888

/* The bucket of a duration in ms; below 0 counts as 0. */
uint32_t duration_bucket(int64_t ms);

/* The same in SQL, of a column that holds ms from 0. */
#define DURATION_BUCKET_SQL(ms)                                                \
	"CASE WHEN " ms " < 64 THEN " ms " ELSE (LENGTH(BIN(" ms               \
	")) - 6) * 32 + (" ms " >> (LENGTH(BIN(" ms ")) - 6)) END"

/* The smallest and the largest duration of a bucket, in ms. */
int64_t duration_bucket_low(uint32_t bucket);
int64_t duration_bucket_high(uint32_t bucket);

#endif
