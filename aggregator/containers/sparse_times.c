/*
 * sparse_times: see sparse_times.h.
 */
#include "aggregator/containers/sparse_times.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

/* An empty list is none. */
static void
shorten(struct sparse_times **t, size_t n)
{
	(*t)->n = n;
	if (n > 0)
		return;
	free(*t);
	*t = NULL;
}

/* Removes each time that lies between two within the span. */
static void
thin(struct sparse_times **t, int64_t span)
{
	int64_t *at = (*t)->at;
	size_t i, n = 0;

	for (i = 0; i < (*t)->n; i++)
		if (i + 1 == (*t)->n ||
		    (span != 0 && (n == 0 || at[i + 1] - at[n - 1] > span)))
			at[n++] = at[i];
	shorten(t, n);
}

void
sparse_times_add(struct sparse_times **t, int64_t at, int64_t span)
{
	size_t n = *t != NULL ? (*t)->n : 0, i;

	for (i = 0; i < n; i++)
		if ((*t)->at[i] == at)
			return;
	*t = xrealloc(*t, 1, sizeof **t + (n + 1) * sizeof at);
	for (i = n; i > 0 && (*t)->at[i - 1] > at; i--)
		(*t)->at[i] = (*t)->at[i - 1];
	(*t)->at[i] = at;
	(*t)->n = n + 1;
	thin(t, span);
}

bool
sparse_times_any(const struct sparse_times *t, int64_t from, int64_t before)
{
	size_t i;

	for (i = 0; t != NULL && i < t->n; i++)
		if (t->at[i] >= from && t->at[i] < before)
			return true;
	return false;
}

int64_t
sparse_times_first(const struct sparse_times *t, int64_t from)
{
	size_t i;

	for (i = 0; t != NULL && i < t->n; i++)
		if (t->at[i] >= from)
			return t->at[i];
	return CLOCK_NONE;
}

int64_t
sparse_times_last(const struct sparse_times *t)
{
	return t != NULL ? t->at[t->n - 1] : CLOCK_NONE;
}

void
sparse_times_filter(struct sparse_times **t, sparse_times_fn *keep, void *ctx)
{
	size_t i, n = 0;

	if (*t == NULL)
		return;
	for (i = 0; i < (*t)->n; i++)
		if (keep(ctx, (*t)->at[i]))
			(*t)->at[n++] = (*t)->at[i];
	shorten(t, n);
}
