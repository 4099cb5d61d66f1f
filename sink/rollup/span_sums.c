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

/* Rows may hold any number up to the greatest, which no sum exceeds. */
static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return b > 0 ? INT64_MAX : -INT64_MAX;
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

/* The table's ends are multiples of this: neighbours come, too. */
#define TABLE_STEP 32

/* Makes the table have the buckets [low, high). */
static void
widen_table(struct span_sum *s, uint32_t low, uint32_t high)
{
	int64_t *wider;

	if (s->dense != NULL) {
		if (low >= s->low && high <= s->high)
			return;
		if (s->low < low)
			low = s->low;
		if (s->high > high)
			high = s->high;
	}
	low -= low % TABLE_STEP;
	high += TABLE_STEP - 1 - (high - 1) % TABLE_STEP;
	wider = xcalloc(high - low, sizeof *wider);
	if (s->dense != NULL)
		memcpy(wider + (s->low - low), s->dense,
		    (s->high - s->low) * sizeof *wider);
	free(s->dense);
	s->dense = wider;
	s->low = low;
	s->high = high;
}

/* A count from there on is so great that sums of few might be too great. */
#define LARGE (INT64_C(1) << 40)

void
span_sum_add_count(struct span_sum *s, int64_t *count, int64_t n)
{
	*count = plus(*count, n);
	s->large |= *count > LARGE || *count < -LARGE;
}

int64_t *
span_sum_table(struct span_sum *s, uint32_t low, uint32_t high)
{
	const struct span_bucket *b;

	widen_table(s, low, high);
	if (s->buckets_n > 0) {
		widen_table(s, s->buckets[0].bucket,
		    s->buckets[s->buckets_n - 1].bucket + 1);
		for (b = s->buckets; b < s->buckets + s->buckets_n; b++)
			span_sum_add_count(
			    s, &s->dense[b->bucket - s->low], b->n);
		s->buckets_n = 0;
	}
	return &s->dense[low - s->low];
}

void
span_sum_add_bucket(struct span_sum *to, uint32_t bucket, int64_t n)
{
	size_t at;

	if (n == 0)
		return;
	if (to->dense != NULL) {
		span_sum_add_count(
		    to, span_sum_table(to, bucket, bucket + 1), n);
		return;
	}
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

/* Room for n more of them. */
void
span_sum_reserve(struct span_sum *to, size_t n)
{
	if (to->cap - to->buckets_n >= n)
		return;
	to->cap = to->buckets_n + n;
	to->buckets = xrealloc(to->buckets, to->cap, sizeof *to->buckets);
}

/* Where there is room. */
static void
append_bucket(struct span_sum *to, uint32_t bucket, int64_t n)
{
	to->buckets[to->buckets_n++] = (struct span_bucket){ bucket, n };
}

static void
compact_dense(struct span_sum *s)
{
	uint32_t i;

	span_sum_reserve(s, s->high - s->low);
	for (i = s->low; i < s->high; i++) {
		if (s->dense[i - s->low] > 0)
			append_bucket(s, i, s->dense[i - s->low]);
	}
}

void
span_sum_compact(struct span_sum *s)
{
	size_t i, n = 0;

	for (i = 0; s->dense == NULL && i < s->buckets_n; i++) {
		if (s->buckets[i].n > 0)
			s->buckets[n++] = s->buckets[i];
	}
	s->buckets_n = n;
	if (s->dense != NULL)
		compact_dense(s);
	free(s->dense);
	s->dense = NULL;
	s->gathered = 0;
	s->large = false;
}

void
span_sum_negate(struct span_sum *s)
{
	size_t i;

	s->n = -s->n;
	s->sum_ms = -s->sum_ms;
	s->max_ms = 0;
	for (i = 0; i < s->buckets_n; i++)
		s->buckets[i].n = -s->buckets[i].n;
}

void
span_sum_clear(struct span_sum *s)
{
	s->n = s->sum_ms = s->max_ms = s->version = 0;
	s->buckets_n = 0;
}

void
span_sum_release(struct span_sum *s)
{
	free(s->buckets);
	free(s->dense);
	*s = (struct span_sum){ .n = 0 };
}

void
span_sums_release(struct span_sums *s)
{
	size_t i;

	for (i = 0; i < SPAN_KINDS; i++)
		span_sum_release(&s->kind[i]);
}
