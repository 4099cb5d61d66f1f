/*
 * stats: see stats.h.
 */
#include "aggregator/stats.h"

#include <stdlib.h>

#include "common/xalloc.h"

void
sample_add(struct sample *s, int64_t ms)
{
	XGROW(s->v, s->n, s->cap);
	s->v[s->n++] = ms;
	s->sorted = false;
}

void
sample_release(struct sample *s)
{
	free(s->v);
	*s = (struct sample){ .v = NULL };
}

static int64_t
divide_half_up(stats_wide sum, size_t n)
{
	return (int64_t)((2 * sum + (stats_wide)n) / (2 * (stats_wide)n));
}

int64_t
sample_mean(const struct sample *s)
{
	stats_wide sum = 0;
	size_t i;

	if (s->n == 0)
		return STATS_NONE;
	for (i = 0; i < s->n; i++)
		sum += s->v[i];
	return divide_half_up(sum, s->n);
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
sort(struct sample *s)
{
	if (!s->sorted)
		qsort(s->v, s->n, sizeof *s->v, compare);
	s->sorted = true;
}

int64_t
sample_median(struct sample *s)
{
	if (s->n == 0)
		return STATS_NONE;
	sort(s);
	if (s->n % 2 == 1)
		return s->v[s->n / 2];
	return divide_half_up(
	    (stats_wide)s->v[s->n / 2 - 1] + s->v[s->n / 2], 2);
}

int64_t
sample_percentile(struct sample *s, unsigned percent)
{
	size_t rank;

	if (s->n == 0)
		return STATS_NONE;
	sort(s);
	rank = (s->n * percent + 99) / 100;
	return s->v[rank > 0 ? rank - 1 : 0];
}
