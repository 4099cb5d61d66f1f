/*
 * response_quantile: what is computed from a sum and its buckets; see
 * response_sums.h.
 *
 * A bucket is at most 1/32 of its low end wide, so its middle is off by at most
 * 1/64 of what it stands for.
 */
#include "sink/responses/response_sums.h"

#include "common/base/clock.h"
#include "common/containers/duration_bucket.h"

int64_t
response_mean(const struct span_sum *s)
{
	int64_t rest;

	if (s->n <= 0)
		return CLOCK_NONE;
	/* Rounded; twice the sum may be no number any more. */
	rest = s->sum_ms % s->n;
	return s->sum_ms / s->n + (rest >= s->n - rest);
}

/* As sums do, it ends at the greatest number. */
static int64_t
bucketed(const struct span_sum *s)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < s->buckets_n; i++) {
		if (__builtin_add_overflow(n, s->buckets[i].n, &n))
			n = INT64_MAX;
	}
	return n;
}

/* Twice the middle of the bucket of the element at that place, from 1. */
static uint64_t
twice_at(const struct span_sum *s, int64_t place)
{
	uint64_t twice, longest = 2 * (uint64_t)s->max_ms;
	uint32_t bucket = 0;
	size_t i;

	for (i = 0; i < s->buckets_n && place > 0; i++) {
		bucket = s->buckets[i].bucket;
		place -= s->buckets[i].n;
	}
	twice = (uint64_t)duration_bucket_low(bucket) +
		(uint64_t)duration_bucket_high(bucket);
	return twice < longest ? twice : longest;
}

/* A quarter of each and of what is left: both together may be no number. */
int64_t
response_median(const struct span_sum *s)
{
	int64_t n = bucketed(s);
	uint64_t a, b;

	if (n == 0)
		return CLOCK_NONE;
	a = twice_at(s, n - n / 2);
	b = twice_at(s, n / 2 + 1);
	return (int64_t)(a / 4 + b / 4 + (a % 4 + b % 4 + 2) / 4);
}

int64_t
response_percentile(const struct span_sum *s, int64_t permille)
{
	int64_t n = bucketed(s), place;

	if (n == 0)
		return CLOCK_NONE;
	place = n / 1000 * permille + (n % 1000 * permille + 999) / 1000;
	return (int64_t)((twice_at(s, place) + 1) / 2);
}

double
response_share_within(const struct span_sum *s, int64_t ms, bool *exact)
{
	uint32_t last = duration_bucket(ms);
	int64_t low = duration_bucket_low(last),
		high = duration_bucket_high(last);
	double n = 0;
	size_t i;

	*exact = true;
	for (i = 0; i < s->buckets_n && s->buckets[i].bucket <= last; i++) {
		if (s->buckets[i].bucket < last || ms >= high) {
			n += (double)s->buckets[i].n;
			continue;
		}
		*exact = false;
		n += (double)s->buckets[i].n * (double)(ms - low + 1) /
		     (double)(high - low + 1);
	}
	return n / (double)bucketed(s);
}
