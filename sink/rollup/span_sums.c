/*
 * span_sums: see span_sums.h.
 */
#include "sink/rollup/span_sums.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/containers/histogram.h"

static const char *const kind_names[] = {
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
		if (strlen(kind_names[i]) == len &&
		    memcmp(kind_names[i], name, len) == 0)
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

/* Into the table. */
static void
gather_buckets(struct span_sum *to, const struct span_bucket *list, size_t n)
{
	int64_t *count;
	size_t i;

	if (n == 0)
		return;
	widen_table(to, list[0].bucket, list[n - 1].bucket + 1);
	for (i = 0; i < n; i++) {
		count = &to->dense[list[i].bucket - to->low];
		*count = plus(*count, list[i].n);
	}
}

void
span_sum_add_bucket(struct span_sum *to, uint32_t bucket, int64_t n)
{
	const struct span_bucket one = { bucket, n };
	size_t at;

	if (n == 0)
		return;
	if (to->dense != NULL) {
		gather_buckets(to, &one, 1);
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

/* The first is copied; with the second a table takes less time than merging. */
#define GATHERED_MANY 2

void
span_sum_gather(struct span_sum *to, const struct span_sum *from, size_t *room)
{
	bool has_table = to->dense != NULL;

	if (!has_table && (++to->gathered < GATHERED_MANY || *room == 0)) {
		span_sum_merge(to, from);
		return;
	}
	span_sum_add(to, from->n, from->sum_ms, from->max_ms, from->version);
	if (!has_table) {
		gather_buckets(to, to->buckets, to->buckets_n);
		to->buckets_n = 0;
	}
	gather_buckets(to, from->buckets, from->buckets_n);
	if (!has_table && to->dense != NULL)
		--*room;
}

/* Room for n more of them. */
static void
reserve_buckets(struct span_sum *to, size_t n)
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

	reserve_buckets(s, s->high - s->low);
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

/* Digits of a count. */
#define BASE 26

/* The last digit in small letters, those before it in capital ones. */
static void
write_count(int64_t n, struct buf *to)
{
	char text[16], *c = text + sizeof text;

	*--c = (char)('a' + n % BASE);
	while ((n /= BASE) > 0)
		*--c = (char)('A' + n % BASE);
	buf_add(to, c, (size_t)(text + sizeof text - c));
}

/* Empty buckets between two are shorter than a number in front of a run. */
#define GAP_MAX 4

static void
write_buckets(const struct span_sum *s, struct buf *to)
{
	uint32_t next = 0;
	size_t i;

	for (i = 0; i < s->buckets_n; i++) {
		if (i > 0 && s->buckets[i].bucket - next <= GAP_MAX) {
			for (; next < s->buckets[i].bucket; next++)
				buf_addc(to, 'a');
		} else {
			buf_addc(to, ' ');
			buf_addi(to, s->buckets[i].bucket);
			buf_addc(to, ':');
		}
		write_count(s->buckets[i].n, to);
		next = s->buckets[i].bucket + 1;
	}
}

void
span_sums_write(const struct span_sums *s, struct buf *to)
{
	const struct span_sum *k;
	size_t i;

	for (i = 0; i < SPAN_KINDS; i++) {
		k = &s->kind[i];
		if (k->n == 0 && k->version == 0 && k->buckets_n == 0)
			continue;
		buf_addf(to, "%s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64,
		    kind_names[i], k->n, k->sum_ms, k->max_ms, k->version);
		write_buckets(k, to);
		buf_addc(to, ';');
	}
}

/* A whole number that int64_t can hold; *bad: there is none. */
static int64_t
read_digits(const char **p, bool *bad)
{
	const char *first = *p, *c = first;
	int64_t n = 0;

	for (; text_is_digit(*c) && c - first < 18; c++)
		n = 10 * n + (*c - '0');
	/* One more may be too many. */
	if (text_is_digit(*c))
		*bad |= __builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, *c++ - '0', &n);
	*bad |= c == first;
	*p = c;
	return n;
}

/* What is expected next. */
static void
skip(const char **p, char expected, bool *bad)
{
	if (**p == expected)
		++*p;
	else
		*bad = true;
}

/* Moves n on by a digit. */
static void
add_digit(int64_t *n, int digit, bool *bad)
{
	*bad |= __builtin_mul_overflow(*n, BASE, n) ||
		__builtin_add_overflow(*n, digit, n);
}

static bool
is_last_digit(char c)
{
	return c >= 'a' && c <= 'z';
}

static int64_t
read_count(const char **p, bool *bad)
{
	int64_t n = 0;

	if (is_last_digit(**p)) /* as most of an hour's */
		return *(*p)++ - 'a';
	for (; **p >= 'A' && **p <= 'Z'; ++*p)
		add_digit(&n, **p - 'A', bad);
	if (is_last_digit(**p))
		add_digit(&n, *(*p)++ - 'a', bad);
	else
		*bad = true;
	return n;
}

/* " BUCKET:" and a count for each bucket from there on. */
static void
read_run(const char **p, struct span_sum *to, bool *bad)
{
	int64_t bucket, n;

	skip(p, ' ', bad);
	bucket = read_digits(p, bad);
	skip(p, ':', bad);
	*bad |= (to->buckets_n > 0 &&
		 to->buckets[to->buckets_n - 1].bucket >= bucket);
	do {
		n = read_count(p, bad);
		*bad |= bucket >= HISTOGRAM_BUCKETS;
		if (*bad)
			return;
		/* Over an empty one the next is written. */
		to->buckets[to->buckets_n] =
		    (struct span_bucket){ (uint32_t)bucket++, n };
		to->buckets_n += n > 0;
	} while (**p >= 'A');
}

/* The numbers of a kind behind its name, up to the semicolon. */
static void
parse_sum(const char **p, struct span_sum *to, bool *bad)
{
	int64_t *const numbers[] = { &to->n, &to->sum_ms, &to->max_ms,
		&to->version };
	size_t i, n;

	for (i = 0; i < ARRAY_LEN(numbers) && !*bad; i++) {
		skip(p, ' ', bad);
		*numbers[i] = read_digits(p, bad);
	}
	/* A count takes a letter. */
	n = *bad ? 0 : strcspn(*p, ";");
	reserve_buckets(to, n < HISTOGRAM_BUCKETS ? n : HISTOGRAM_BUCKETS);
	while (!*bad && **p == ' ')
		read_run(p, to, bad);
	skip(p, ';', bad);
}

int
span_sums_read(const char *text, struct span_sum *const to[SPAN_KINDS])
{
	struct span_sum sum = { .n = 0 }, *into;
	enum span_kind kind;
	bool bad = false;
	size_t len;

	while (*text != '\0' && !bad) {
		len = strcspn(text, " ;");
		kind = span_kind_named(text, len);
		if (kind == SPAN_KINDS)
			break;
		if (to[kind] == NULL) {
			text += strcspn(text, ";");
			skip(&text, ';', &bad);
			continue;
		}
		text += len;
		into = to[kind]->n == 0 && to[kind]->version == 0 ? to[kind]
								  : &sum;
		span_sum_clear(into);
		parse_sum(&text, into, &bad);
		if (bad)
			span_sum_clear(into);
		else if (into == &sum)
			span_sum_merge(to[kind], &sum);
	}
	free(sum.buckets);
	return *text != '\0' || bad ? -1 : 0;
}
