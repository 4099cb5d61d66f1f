/*
 * span_sums: see span_sums.h.
 */
#include "sink/rollup/span_sums.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

const char *const span_kind_names[SPAN_KINDS] = {
	[SPAN_FIRST_RESPONSE] = "first_response",
	[SPAN_REPLY] = "reply",
	[SPAN_RESOLUTION] = "resolution",
	[SPAN_UNANSWERED] = "unanswered",
};

enum span_kind
span_kind_named(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < SPAN_KINDS; i++) {
		if (strlen(span_kind_names[i]) == len &&
		    memcmp(span_kind_names[i], name, len) == 0)
			break;
	}
	return (enum span_kind)i;
}

/* Numbers are not below 0. */
static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

void
span_sum_add(struct span_sum *to, int64_t n, int64_t sum_ms, int64_t max_ms,
    int64_t version)
{
	to->n = plus(to->n, n);
	to->sum_ms = plus(to->sum_ms, sum_ms);
	if (max_ms > to->max_ms)
		to->max_ms = max_ms;
	if (version > to->version)
		to->version = version;
}

/* The place of a bucket, or where it belongs. */
static size_t
find_bucket(const struct span_sum *s, uint32_t bucket)
{
	size_t low = 0, high = s->buckets_n, middle;

	/* Buckets mostly come in order. */
	if (high > 0 && s->buckets[high - 1].bucket < bucket)
		return high;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (s->buckets[middle].bucket < bucket)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
span_sum_add_bucket(struct span_sum *to, uint32_t bucket, int64_t n)
{
	size_t at;

	if (n == 0)
		return;
	at = find_bucket(to, bucket);
	if (at == to->buckets_n || to->buckets[at].bucket != bucket) {
		XGROW(to->buckets, to->buckets_n, to->cap);
		memmove(&to->buckets[at + 1], &to->buckets[at],
		    (to->buckets_n - at) * sizeof *to->buckets);
		to->buckets[at] = (struct span_bucket){ bucket, 0 };
		to->buckets_n++;
	}
	to->buckets[at].n = plus(to->buckets[at].n, n);
}

/* How many buckets b has that a has not. */
static size_t
count_missing(const struct span_sum *a, const struct span_sum *b)
{
	const struct span_bucket *x = a->buckets, *y = b->buckets;
	const struct span_bucket *x_end = x + a->buckets_n;
	const struct span_bucket *y_end = y + b->buckets_n;
	size_t missing = 0;

	while (y < y_end) {
		while (x < x_end && x->bucket < y->bucket)
			x++;
		missing += x == x_end || x->bucket != y->bucket;
		y++;
	}
	return missing;
}

/* From the last bucket to the first, so that all moves once, in place. */
static void
merge_buckets(struct span_sum *to, const struct span_sum *from)
{
	size_t missing = count_missing(to, from), n = to->buckets_n + missing;
	size_t i = to->buckets_n, k = n, j = from->buckets_n;

	if (n > to->cap) {
		to->cap = 2 * n;
		to->buckets =
		    xrealloc(to->buckets, to->cap, sizeof *to->buckets);
	}
	to->buckets_n = n;
	while (j > 0) {
		if (i > 0 &&
		    to->buckets[i - 1].bucket > from->buckets[j - 1].bucket) {
			to->buckets[--k] = to->buckets[--i];
		} else if (i > 0 && to->buckets[i - 1].bucket ==
					from->buckets[j - 1].bucket) {
			to->buckets[--k] = to->buckets[--i];
			to->buckets[k].n =
			    plus(to->buckets[k].n, from->buckets[--j].n);
		} else {
			to->buckets[--k] = from->buckets[--j];
		}
	}
}

void
span_sum_merge(struct span_sum *to, const struct span_sum *from)
{
	span_sum_add(to, from->n, from->sum_ms, from->max_ms, from->version);
	if (from->buckets_n > 0)
		merge_buckets(to, from);
}

void
span_sum_release(struct span_sum *s)
{
	free(s->buckets);
	*s = (struct span_sum){ .n = 0 };
}

void
span_sums_release(struct span_sums *s)
{
	size_t i;

	for (i = 0; i < SPAN_KINDS; i++)
		span_sum_release(&s->kind[i]);
}
