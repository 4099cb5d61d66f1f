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

/* A run, " BUCKET:" and a count for each bucket from there on. */
struct run {
	uint32_t bucket; /* the first one */
	uint32_t high;   /* behind those that it can have */
	const char *p, *end;
};

/* The run at *p, which is moved behind it; next: the first bucket that it may
 * have. */
static bool
find_run(const char **p, const char *end, uint32_t next, struct run *r)
{
	bool bad = false;
	int64_t bucket;

	skip(p, ' ', &bad);
	bucket = read_digits(p, &bad);
	skip(p, ':', &bad);
	if (bad || bucket < next || bucket >= DURATION_BUCKETS || *p >= end)
		return false;
	r->bucket = (uint32_t)bucket;
	r->p = *p;
	r->end = memchr(*p, ' ', (size_t)(end - *p));
	if (r->end == NULL)
		r->end = end;
	*p = r->end;
	/* A count takes a letter. */
	r->high = r->end - r->p < DURATION_BUCKETS - bucket
		      ? (uint32_t)(bucket + (r->end - r->p))
		      : DURATION_BUCKETS;
	return r->end > r->p;
}

/* Into the list, which has room. *next: behind its last bucket. */
static bool
list_run(struct run *r, struct span_sum *to, uint32_t *next)
{
	uint32_t bucket = r->bucket;
	bool bad = false;
	int64_t n;

	while (r->p < r->end && bucket < r->high) {
		n = read_count(&r->p, &bad);
		if (bad)
			return false;
		/* Over an empty one the next is written. */
		to->buckets[to->buckets_n] = (struct span_bucket){ bucket, n };
		to->buckets_n += n > 0;
		bucket++;
	}
	*next = bucket;
	return r->p == r->end;
}

/* So many counts at a time are added. */
#define EIGHT 8
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Whether the eight counts at p have one letter each. */
static bool
are_eight_letters(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	/* The highest bit of each byte: from 'a' on, up to 'z', no more than
	 * 7 bits. */
	return ((w + EACH(0x80 - 'a')) & ~(w + EACH(0x7F - 'z')) & ~w &
		   EACH(0x80)) == EACH(0x80);
}

/* Without a loop: compilers do not unroll one, and it takes twice as long. */
static void
add_eight(int64_t *count, const char *p, int64_t sign)
{
	count[0] += sign * (p[0] - 'a');
	count[1] += sign * (p[1] - 'a');
	count[2] += sign * (p[2] - 'a');
	count[3] += sign * (p[3] - 'a');
	count[4] += sign * (p[4] - 'a');
	count[5] += sign * (p[5] - 'a');
	count[6] += sign * (p[6] - 'a');
	count[7] += sign * (p[7] - 'a');
}

/* Into the table; sign: 1, or -1 to take off. */
static bool
gather_run(struct run *r, struct span_sum *to, int64_t sign, uint32_t *next)
{
	int64_t *count = span_sum_table(to, r->bucket, r->high);
	int64_t *end = count + (r->high - r->bucket);
	bool bad = false;
	int64_t n;

	while (r->p < r->end && count < end) {
		if (r->end - r->p >= EIGHT && end - count >= EIGHT &&
		    !to->large && are_eight_letters(r->p)) {
			add_eight(count, r->p, sign);
			r->p += EIGHT;
			count += EIGHT;
			continue;
		}
		n = read_count(&r->p, &bad);
		if (bad)
			return false;
		span_sum_add_count(to, count++, sign * n);
	}
	*next = (uint32_t)(r->high - (end - count));
	return r->p == r->end;
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

/* Adds the runs to the list of an empty sum. */
static bool
list_runs(const struct span_text *t, struct span_sum *to)
{
	const char *p = t->runs;
	size_t n = (size_t)(t->end - p);
	uint32_t next = 0;
	struct run r;

	span_sum_reserve(to, n < DURATION_BUCKETS ? n : DURATION_BUCKETS);
	while (p < t->end)
		if (!find_run(&p, t->end, next, &r) || !list_run(&r, to, &next))
			return false;
	span_sum_add(to, t->n, t->sum_ms, t->max_ms, t->version);
	return true;
}

/* Adds a kind by merging lists. */
static bool
merge_text(const struct span_text *t, bool takes_off, struct span_sum *to)
{
	struct span_sum one = { .n = 0 };
	bool good = list_runs(t, &one);

	if (good && takes_off)
		span_sum_negate(&one);
	if (good)
		span_sum_merge(to, &one);
	span_sum_release(&one);
	return good;
}

/* The first is copied; with the second a table takes less time than merging. */
#define GATHERED_MANY 2

int
span_text_gather(const struct span_text *t, bool takes_off, struct span_sum *to,
    size_t *room)
{
	bool has_table = to->dense != NULL;
	const char *p = t->runs;
	uint32_t next = 0;
	struct run r;

	if (!has_table && (++to->gathered < GATHERED_MANY || *room == 0))
		return merge_text(t, takes_off, to) ? 0 : -1;
	while (p < t->end)
		if (!find_run(&p, t->end, next, &r) ||
		    !gather_run(&r, to, takes_off ? -1 : 1, &next))
			return -1;
	/* A kind without counts makes none. */
	if (!has_table && to->dense != NULL)
		--*room;
	span_sum_add(to, takes_off ? -t->n : t->n,
	    takes_off ? -t->sum_ms : t->sum_ms, takes_off ? 0 : t->max_ms,
	    t->version);
	return 0;
}

/* Without a copy where there is nothing yet. */
static bool
read_kind(const struct span_text *t, struct span_sum *to)
{
	if (to->n != 0 || to->version != 0)
		return merge_text(t, false, to);
	span_sum_clear(to);
	if (list_runs(t, to))
		return true;
	span_sum_clear(to);
	return false;
}

int
span_sums_read(const char *text, struct span_sums *to)
{
	struct span_text t = { .rest = text };
	int rc;

	while ((rc = span_text_next(&t)) == 1)
		if (!read_kind(&t, &to->kind[t.kind]))
			return -1;
	return rc;
}
