/*
 * span_text: see span_text.h.
 */
#include "sink/rollup/span_text.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"

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
		    span_kind_names[i], k->n, k->sum_ms, k->max_ms, k->version);
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

int
span_text_next(struct span_text *t)
{
	int64_t *const numbers[] = { &t->n, &t->sum_ms, &t->max_ms,
		&t->version };
	const char *p = t->rest;
	bool bad = false;
	size_t i, len;

	if (*p == '\0')
		return 0;
	len = strcspn(p, " ;");
	t->kind = span_kind_named(p, len);
	if (t->kind == SPAN_KINDS)
		return -1;
	p += len;
	for (i = 0; i < ARRAY_LEN(numbers) && !bad; i++) {
		skip(&p, ' ', &bad);
		*numbers[i] = read_digits(&p, &bad);
	}
	t->runs = p;
	t->end = bad ? NULL : strchr(p, ';');
	if (t->end == NULL)
		return -1;
	t->rest = t->end + 1;
	return 1;
}

/* Adds a run, " BUCKET:" and the counts of that bucket and those behind it. *p
 * is moved behind the run; *next is the first bucket that it may have, and then
 * that of the next run. */
static bool
add_run(const char **p, const char *end, int64_t *next, struct span_sum *to)
{
	bool bad = false;
	int64_t bucket, n;

	skip(p, ' ', &bad);
	bucket = read_digits(p, &bad);
	skip(p, ':', &bad);
	if (bad || bucket < *next || *p == end || **p == ' ')
		return false;
	for (; *p < end && **p != ' '; bucket++) {
		n = read_count(p, &bad);
		if (bad || bucket >= DURATION_BUCKETS)
			return false;
		span_sum_add_bucket(to, (uint32_t)bucket, n);
	}
	*next = bucket;
	return true;
}

int
span_text_add(const struct span_text *t, struct span_sum *to)
{
	struct span_sum one = { .n = t->n,
		.sum_ms = t->sum_ms,
		.max_ms = t->max_ms,
		.version = t->version };
	const char *p = t->runs;
	int64_t next = 0;
	bool good = true;

	while (good && p < t->end)
		good = add_run(&p, t->end, &next, &one);
	if (good)
		span_sum_merge(to, &one);
	span_sum_release(&one);
	return good ? 0 : -1;
}

int
span_sums_read(const char *text, struct span_sums *to)
{
	struct span_text t = { .rest = text };
	int rc;

	while ((rc = span_text_next(&t)) == 1)
		if (span_text_add(&t, &to->kind[t.kind]) != 0)
			return -1;
	return rc;
}
