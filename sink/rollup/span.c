/*
 * span: see span.h.
 */
#include "sink/rollup/span.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/containers/duration_bucket.h"

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

static const char *const measure_names[SPAN_MEASURES] = {
	[SPAN_CALENDAR] = "",
	[SPAN_WORK] = "_work",
	[SPAN_KEPT] = "_kept",
	[SPAN_MISSED] = "_missed",
	[SPAN_CLOSED] = "_closed",
};

/* Moves *p past the beginning of a text if it is this word. */
static bool
is_next(const char **p, const char *word)
{
	const char *c = *p;

	while (*word != '\0' && *c == *word) {
		c++;
		word++;
	}
	if (*word != '\0')
		return false;
	*p = c;
	return true;
}

/* Returns the place of a name such as "reply_work", and moves *p past it;
 * SPAN_SUMS: none. */
static size_t
read_place(const char **p)
{
	size_t kind = 0, i = SPAN_CALENDAR;

	while (kind < SPAN_KINDS && !is_next(p, span_kind_names[kind]))
		kind++;
	if (**p == '_')
		for (i = SPAN_WORK;
		     i < SPAN_MEASURES && !is_next(p, measure_names[i]);)
			i++;
	return kind < SPAN_KINDS && i < SPAN_MEASURES
		   ? span_place((enum span_measure)i, (enum span_kind)kind)
		   : SPAN_SUMS;
}

/* Numbers are not negative. */
static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

void
span_sum_add(struct span_sum *to, int64_t n, int64_t sum_ms, int64_t max_ms)
{
	to->n = plus(to->n, n);
	to->sum_ms = plus(to->sum_ms, sum_ms);
	if (max_ms > to->max_ms)
		to->max_ms = max_ms;
}

/* Returns the index of a bucket, or where it belongs. */
static size_t
find_bucket(const struct span_sum *s, uint32_t bucket)
{
	size_t low = 0, high = s->buckets_n, middle;

	/* Buckets usually come in order. */
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

/* Adds to a bucket, whose index, or where it belongs, is `at`. Returns where
 * the next bucket belongs. */
static size_t
add_at(struct span_sum *to, size_t at, uint32_t bucket, int64_t n)
{
	if (at == to->buckets_n || to->buckets[at].bucket != bucket) {
		if (n == 0)
			return at;
		XGROW(to->buckets, to->buckets_n, to->cap);
		memmove(&to->buckets[at + 1], &to->buckets[at],
		    (to->buckets_n - at) * sizeof *to->buckets);
		to->buckets[at] = (struct span_bucket){ bucket, 0 };
		to->buckets_n++;
	}
	to->buckets[at].n = plus(to->buckets[at].n, n);
	return at + 1;
}

void
span_sum_add_bucket(struct span_sum *to, uint32_t bucket, int64_t n)
{
	if (n != 0)
		(void)add_at(to, find_bucket(to, bucket), bucket, n);
}

void
span_sum_merge(struct span_sum *to, const struct span_sum *from)
{
	size_t i;

	span_sum_add(to, from->n, from->sum_ms, from->max_ms);
	for (i = 0; i < from->buckets_n; i++)
		span_sum_add_bucket(
		    to, from->buckets[i].bucket, from->buckets[i].n);
}

void
span_sum_release(struct span_sum *s)
{
	free(s->buckets);
	*s = (struct span_sum){ .n = 0 };
}

static void
span_sums_release(struct span_sums *s)
{
	size_t i;

	for (i = 0; i < SPAN_SUMS; i++)
		span_sum_release(&s->of[i]);
}

/* The base of a count's digits. */
#define BASE 26

/* Writes the last digit as a small letter, all others as capitals. */
static void
write_count(int64_t n, struct buf *to)
{
	char text[16], *c = text + sizeof text;

	*--c = (char)('a' + n % BASE);
	while ((n /= BASE) > 0)
		*--c = (char)('A' + n % BASE);
	buf_add(to, c, (size_t)(text + sizeof text - c));
}

/* This many empty buckets take less space than the number before a new run. */
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

static void
span_sums_write(const struct span_sums *s, struct buf *to)
{
	const struct span_sum *k;
	size_t i;

	for (i = 0; i < SPAN_SUMS; i++) {
		k = &s->of[i];
		if (k->n == 0 && k->buckets_n == 0)
			continue;
		buf_addf(to, "%s%s %" PRId64 " %" PRId64 " %" PRId64,
		    span_kind_names[i % SPAN_KINDS],
		    measure_names[i / SPAN_KINDS], k->n, k->sum_ms, k->max_ms);
		write_buckets(k, to);
		buf_addc(to, ';');
	}
}

/* Reads a whole number that fits into int64_t; otherwise sets *bad. */
static int64_t
read_digits(const char **p, bool *bad)
{
	const char *first = *p, *c = first;
	int64_t n = 0;

	for (; text_is_digit(*c) && c - first < 18; c++)
		n = 10 * n + (*c - '0');
	/* One more digit may be too many. */
	if (text_is_digit(*c))
		*bad |= __builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, *c++ - '0', &n);
	*bad |= c == first;
	*p = c;
	return n;
}

/* Skips the expected text. */
static void
skip(const char **p, char expected, bool *bad)
{
	if (**p == expected)
		++*p;
	else
		*bad = true;
}

/* Appends a digit to n. */
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

	if (is_last_digit(**p)) /* the usual case within an hour */
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
	int64_t *const numbers[] = { &t->n, &t->sum_ms, &t->max_ms };
	const char *p;
	bool bad = false, wanted = false;
	size_t i;

	while (!wanted) {
		p = t->rest;
		if (*p == '\0')
			return 0;
		t->place = read_place(&p);
		t->end = strchr(p, ';');
		if (t->place == SPAN_SUMS || *p != ' ' || t->end == NULL)
			return -1;
		t->rest = t->end + 1;
		wanted = (t->wanted & 1U << t->place) != 0;
	}
	for (i = 0; i < ARRAY_LEN(numbers) && !bad; i++) {
		skip(&p, ' ', &bad);
		*numbers[i] = read_digits(&p, &bad);
	}
	t->runs = p;
	return bad ? -1 : 1;
}

/* Adds a run, " BUCKET:" and the counts of that bucket and the following ones.
 * Moves *p past the run; *next is the first bucket that it may have, and is set
 * for the next run. */
static bool
add_run(const char **p, const char *end, int64_t *next, struct span_sum *to)
{
	bool bad = false;
	int64_t bucket, n;
	size_t at;

	skip(p, ' ', &bad);
	bucket = read_digits(p, &bad);
	skip(p, ':', &bad);
	if (bad || bucket < *next || *p == end || **p == ' ')
		return false;
	at = bucket < DURATION_BUCKETS ? find_bucket(to, (uint32_t)bucket) : 0;
	for (; *p < end && **p != ' '; bucket++) {
		n = read_count(p, &bad);
		if (bad || bucket >= DURATION_BUCKETS)
			return false;
		at = add_at(to, at, (uint32_t)bucket, n);
	}
	*next = bucket;
	return true;
}

int
span_text_add(const struct span_text *t, struct span_sum *to)
{
	const char *p = t->runs;
	int64_t next = 0;

	span_sum_add(to, t->n, t->sum_ms, t->max_ms);
	while (p < t->end)
		if (!add_run(&p, t->end, &next, to))
			return -1;
	return 0;
}

/* Adds each kind in a text. Returns -1 if the text is damaged; what precedes
 * the damage is added. */
static int
span_sums_read(const char *text, struct span_sums *to)
{
	struct span_text t = { .rest = text, .wanted = SPAN_ALL };
	int rc;

	while ((rc = span_text_next(&t)) == 1)
		if (span_text_add(&t, &to->of[t.place]) != 0)
			return -1;
	return rc;
}

static void
write_span_key(struct buf *key, int64_t begin, const char *id, size_t len)
{
	buf_add(key, &begin, sizeof begin);
	buf_add(key, id, len);
}

struct span_row *
span_set_row(struct span_set *s, int64_t begin, const char *id, size_t len)
{
	struct buf key = BUF_INIT;
	struct span_row *row;
	void **slot;

	write_span_key(&key, begin, id, len);
	slot = strmap_put(&s->rows, key.data, key.len);
	buf_release(&key);
	if (*slot == NULL) {
		row = xcalloc(1, sizeof *row);
		row->begin = begin;
		row->as_of = begin;
		row->id = xstrndup(id, len);
		*slot = row;
	}
	return *slot;
}

static void
free_span_row(void *ctx)
{
	struct span_row *row = ctx;

	span_sums_release(&row->sums);
	buf_release(&row->text);
	free(row->id);
	free(row);
}

void
span_set_release(struct span_set *s)
{
	strmap_release(&s->rows, free_span_row);
	s->rows = (struct strmap)STRMAP_INIT;
}

void
span_row_merge(struct span_row *to, const struct span_row *from)
{
	size_t i;

	to->damaged |= from->damaged;
	if (from->as_of > to->as_of)
		to->as_of = from->as_of;
	for (i = 0; i < SPAN_SUMS; i++)
		span_sum_merge(&to->sums.of[i], &from->sums.of[i]);
}

/* Adds the sums of a stored span. */
static void
add_stored(struct span_row *to, const char *sums, int64_t as_of)
{
	if (as_of > to->as_of)
		to->as_of = as_of;
	to->damaged |= span_sums_read(sums, &to->sums) != 0;
}

enum outcome
span_set_read(struct span_set *s, struct db *db, const char *tenant,
    int64_t from, int64_t to, bool emptied)
{
	const struct db_value args[] = { db_str(tenant), db_str(s->of),
		db_str(s->span), db_time(from), db_time(to) };
	struct db_rows *rows;
	struct span_row *row;
	enum outcome o;

	o = db_query(db,
	    "SELECT begin_at, id, sums, as_of FROM response_rollups "
	    "WHERE tenant = ? AND subject = ? AND span = ? AND begin_at >= ? "
	    "AND begin_at < ?",
	    args, ARRAY_LEN(args), &rows);
	while (o == OUTCOME_DONE && db_next(rows)) {
		row = span_set_row(s, db_get_time(rows, 0), db_get(rows, 1),
		    db_get_len(rows, 1));
		if (emptied)
			row->put = true;
		else if (!row->put)
			add_stored(row, db_get(rows, 2), db_get_time(rows, 3));
		if (row->damaged)
			log_warn("response_rollups has a damaged row of tenant "
				 "%s at %s; run `sink --recompute`",
			    tenant, db_get(rows, 0));
	}
	db_rows_free(rows);
	return o;
}

enum { COLUMNS = 7 };

/* Not a valid text: no kind has that name. */
static const char damaged_text[] = "damaged";

struct db_bulk *
span_set_bulk(struct db *db)
{
	return db_bulk_new(db,
	    "INSERT INTO response_rollups (tenant, subject, span, begin_at, "
	    "id, sums, as_of) VALUES ",
	    "(?, ?, ?, ?, ?, ?, ?)",
	    " ON DUPLICATE KEY UPDATE sums = VALUES(sums), "
	    "as_of = VALUES(as_of)",
	    COLUMNS);
}

static void
put_rows(struct span_set *s, const char *tenant, struct db_bulk *put)
{
	const struct strmap_entry *e;
	struct span_row *row;
	size_t i = 0;

	while ((e = strmap_next(&s->rows, &i)) != NULL) {
		row = e->value;
		if (!row->put)
			continue;
		buf_clear(&row->text);
		if (row->damaged)
			buf_adds(&row->text, damaged_text);
		else
			span_sums_write(&row->sums, &row->text);
		db_bulk_add(
		    put, (const struct db_value[COLUMNS]){ db_str(tenant),
			     db_str(s->of), db_str(s->span),
			     db_time(row->begin), db_str(row->id),
			     db_text(buf_str(&row->text), row->text.len),
			     db_time(row->as_of) });
	}
}

enum outcome
span_sets_write(struct span_set *const sets[], size_t n, const char *tenant,
    struct db_bulk *put)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	db_bulk_clear(put);
	for (i = 0; i < n; i++)
		put_rows(sets[i], tenant, put);
	if (db_bulk_rows(put) > 0)
		o = db_bulk_run(put, 0, db_bulk_rows(put));
	db_bulk_clear(put);
	return o;
}
