/*
 * peak: see peak.h. What is in v is never smaller than what is not.
 */
#include "aggregator/peak.h"

#include <stdbool.h>

static void
forget(struct peak *p, int64_t x)
{
	if (p->more == 0 || x > p->rest)
		p->rest = x;
	p->more = 1;
}

void
peak_add(struct peak *p, int64_t x)
{
	bool full = p->n == PEAK_KEPT;
	uint32_t i;

	if (full ? x <= p->v[PEAK_KEPT - 1] : p->more != 0 && x < p->rest) {
		forget(p, x);
		return;
	}
	if (full)
		forget(p, p->v[--p->n]);
	for (i = p->n++; i > 0 && p->v[i - 1] < x; i--)
		p->v[i] = p->v[i - 1];
	p->v[i] = x;
}

void
peak_remove(struct peak *p, int64_t x)
{
	uint32_t i = 0;

	while (i < p->n && p->v[i] != x)
		i++;
	if (i == p->n)
		return;
	for (p->n--; i < p->n; i++)
		p->v[i] = p->v[i + 1];
}

int64_t
peak_get(const struct peak *p)
{
	if (p->n > 0)
		return p->v[0];
	return p->more != 0 ? p->rest : CLOCK_NONE;
}
