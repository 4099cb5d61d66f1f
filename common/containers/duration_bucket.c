/*
 * duration_bucket: see duration_bucket.h. Bucket b >= 32 begins at
 * (32 + b % 32) << (b / 32 - 1); bucket b below 32 is b ms.
 */
#include "common/containers/duration_bucket.h"

enum {
	BITS = 5,
	PER_DOUBLING = 1 << BITS,
};

uint32_t
duration_bucket(int64_t ms)
{
	uint64_t v = ms > 0 ? (uint64_t)ms : 0, top = v;
	uint32_t shift = 0;

	while (top >= 2 * PER_DOUBLING) {
		top >>= 1;
		shift++;
	}
	return shift * PER_DOUBLING + (uint32_t)top;
}

int64_t
duration_bucket_low(uint32_t bucket)
{
	uint32_t shift = bucket / PER_DOUBLING;

	if (shift <= 1)
		return bucket;
	return (int64_t)(PER_DOUBLING + bucket % PER_DOUBLING) << (shift - 1);
}

int64_t
duration_bucket_high(uint32_t bucket)
{
	return bucket + 1 < DURATION_BUCKETS
		   ? duration_bucket_low(bucket + 1) - 1
		   : INT64_MAX;
}
