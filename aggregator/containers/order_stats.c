/*
 * order_stats: see order_stats.h.
 */
#include "aggregator/containers/order_stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

#define CHUNK 512
/* The first chunk grows from this size: most operators have few waits. */
#define LEAST 8

struct order_stats_chunk {
	size_t n; /* never 0 */
	size_t cap;
	int64_t v[];
};

void
order_stats_release(struct order_stats *r)
{
	size_t i;

	for (i = 0; i < r->chunks_n; i++)
		free(r->chunks[i]);
	free(r->chunks);
	free(r->v);
	memset(r, 0, sizeof *r);
}

static int
compare_int64(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static size_t
chunk_bytes(size_t cap)
{
	return sizeof(struct order_stats_chunk) + cap * sizeof(int64_t);
}

static void
add_chunk(struct order_stats *r, size_t at, const int64_t *v, size_t n)
{
	struct order_stats_chunk *c;
	size_t cap = LEAST;

	while (cap < n)
		cap *= 2;
	c = xmalloc(chunk_bytes(cap));
	memcpy(c->v, v, n * sizeof *v);
	c->n = n;
	c->cap = cap;
	XGROW(r->chunks, r->chunks_n, r->chunks_cap);
	memmove(r->chunks + at + 1, r->chunks + at,
	    (r->chunks_n - at) * sizeof *r->chunks);
	r->chunks[at] = c;
	r->chunks_n++;
}

static void
make_chunks(struct order_stats *r)
{
	size_t i, n;

	if (r->chunks_n > 0 || r->n == 0)
		return;
	qsort(r->v, r->n, sizeof *r->v, compare_int64);
	/* Fill chunks to three quarters, so that insertions do not split them
	 * soon. */
	for (i = 0; i < r->n; i += n) {
		n = r->n - i < CHUNK / 4 * 3 ? r->n - i : CHUNK / 4 * 3;
		add_chunk(r, r->chunks_n, r->v + i, n);
	}
	free(r->v);
	r->v = NULL;
	r->cap = 0;
}

/* Returns the last chunk whose first element is not greater than ms, or the
 * first chunk if there is none. */
static size_t
find_chunk(const struct order_stats *r, int64_t ms)
{
	size_t from = 0, to = r->chunks_n, mid;

	while (to - from > 1) {
		mid = from + (to - from) / 2;
		if (r->chunks[mid]->v[0] <= ms)
			from = mid;
		else
			to = mid;
	}
	return from;
}

/* Returns how many elements of the chunk are below ms. */
static size_t
lower_bound(const struct order_stats_chunk *c, int64_t ms)
{
	size_t from = 0, to = c->n, mid;

	while (from < to) {
		mid = from + (to - from) / 2;
		if (c->v[mid] < ms)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static void
insert_sorted(struct order_stats *r, int64_t ms)
{
	size_t i = find_chunk(r, ms), at;
	struct order_stats_chunk *c = r->chunks[i];

	if (c->n == CHUNK) {
		add_chunk(r, i + 1, c->v + CHUNK / 2, CHUNK - CHUNK / 2);
		c->n = CHUNK / 2;
		if (r->chunks[i + 1]->v[0] <= ms)
			c = r->chunks[++i];
	}
	if (c->n == c->cap) {
		c->cap *= 2;
		c = r->chunks[i] = xrealloc(c, 1, chunk_bytes(c->cap));
	}
	at = lower_bound(c, ms);
	memmove(c->v + at + 1, c->v + at, (c->n - at) * sizeof *c->v);
	c->v[at] = ms;
	c->n++;
}

void
order_stats_insert(struct order_stats *r, int64_t ms)
{
	if (r->chunks_n > 0) {
		insert_sorted(r, ms);
	} else {
		XGROW(r->v, r->n, r->cap);
		r->v[r->n] = ms;
	}
	r->n++;
	r->sum += ms;
}

void
order_stats_remove(struct order_stats *r, int64_t ms)
{
	struct order_stats_chunk *c;
	size_t i, at;

	make_chunks(r);
	i = r->n > 0 ? find_chunk(r, ms) : 0;
	c = r->n > 0 ? r->chunks[i] : NULL;
	at = c != NULL ? lower_bound(c, ms) : 0;
	/* This is a bug in the caller. One figure may be wrong, but ending the
	 * process would make every run with the same records fail. */
	if (c == NULL || at == c->n || c->v[at] != ms) {
		log_error("bug: a duration of %" PRId64
			  " ms that was never added was removed",
		    ms);
		return;
	}
	c->n--;
	memmove(c->v + at, c->v + at + 1, (c->n - at) * sizeof *c->v);
	r->n--;
	r->sum -= ms;
	if (c->n > 0)
		return;
	free(c);
	r->chunks_n--;
	memmove(r->chunks + i, r->chunks + i + 1,
	    (r->chunks_n - i) * sizeof *r->chunks);
}

int64_t
order_stats_at(struct order_stats *r, size_t rank)
{
	size_t i, k = rank - 1;

	make_chunks(r);
	for (i = 0; k >= r->chunks[i]->n; i++)
		k -= r->chunks[i]->n;
	return r->chunks[i]->v[k];
}

int64_t
order_stats_min(struct order_stats *r)
{
	return r->n > 0 ? order_stats_at(r, 1) : TALLY_NONE;
}

int64_t
order_stats_max(struct order_stats *r)
{
	return r->n > 0 ? order_stats_at(r, r->n) : TALLY_NONE;
}

int64_t
order_stats_mean(const struct order_stats *r)
{
	return tally_mean_of(r->sum, r->n);
}

int64_t
order_stats_median(struct order_stats *r)
{
	int64_t upper;

	if (r->n == 0)
		return TALLY_NONE;
	upper = order_stats_at(r, r->n / 2 + 1);
	if (r->n % 2 == 1)
		return upper;
	return tally_mean_of(
	    (tally_wide)upper + order_stats_at(r, r->n / 2), 2);
}

int64_t
order_stats_percentile(struct order_stats *r, unsigned percent)
{
	size_t rank;

	if (r->n == 0)
		return TALLY_NONE;
	rank = (r->n * percent + 99) / 100;
	return order_stats_at(r, rank > 0 ? rank : 1);
}
