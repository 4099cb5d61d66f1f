/*
 * top_values: see top_values.h. No value in v is smaller than a value that was
 * not kept.
 */
#include "aggregator/containers/top_values.h"

static void
drop_value(struct top_values *p, int64_t x)
{
	if (p->any == 0 || x > p->most)
		p->most = x;
	p->any = 1;
}

void
top_values_add(struct top_values *p, int64_t x)
{
	bool full = p->kept == TOP_VALUES_KEPT;
	uint32_t i;

	if (full ? x <= p->v[TOP_VALUES_KEPT - 1]
		 : p->any != 0 && x < p->most) {
		drop_value(p, x);
		return;
	}
	if (full)
		drop_value(p, p->v[--p->kept]);
	for (i = p->kept++; i > 0 && p->v[i - 1] < x; i--)
		p->v[i] = p->v[i - 1];
	p->v[i] = x;
}

void
top_values_remove(struct top_values *p, int64_t x)
{
	uint32_t i = 0;

	while (i < p->kept && p->v[i] != x)
		i++;
	if (i == p->kept)
		return;
	for (p->kept--; i < p->kept; i++)
		p->v[i] = p->v[i + 1];
}

int64_t
top_values_get(const struct top_values *p)
{
	if (p->kept > 0)
		return p->v[0];
	return p->any != 0 ? p->most : CLOCK_NONE;
}
