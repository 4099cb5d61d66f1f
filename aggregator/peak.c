/*
 * peak: see peak.h. What is in v is never smaller than what is not.
 */
#include "aggregator/peak.h"

#include <stdbool.h>

static void
forget(struct peak_rest *r, int64_t x)
{
	if (r->any == 0 || x > r->most)
		r->most = x;
	r->any = 1;
}

static void
add(struct peak_rest *r, int64_t *v, uint32_t room, int64_t x)
{
	bool full = r->kept == room;
	uint32_t i;

	if (full ? x <= v[room - 1] : r->any != 0 && x < r->most) {
		forget(r, x);
		return;
	}
	if (full)
		forget(r, v[--r->kept]);
	for (i = r->kept++; i > 0 && v[i - 1] < x; i--)
		v[i] = v[i - 1];
	v[i] = x;
}

static void
take(struct peak_rest *r, int64_t *v, int64_t x)
{
	uint32_t i = 0;

	while (i < r->kept && v[i] != x)
		i++;
	if (i == r->kept)
		return;
	for (r->kept--; i < r->kept; i++)
		v[i] = v[i + 1];
}

static int64_t
largest(const struct peak_rest *r, const int64_t *v)
{
	if (r->kept > 0)
		return v[0];
	return r->any != 0 ? r->most : CLOCK_NONE;
}

void
peak_add(struct peak *p, int64_t x)
{
	add(&p->rest, p->v, PEAK_KEPT, x);
}

void
peak_remove(struct peak *p, int64_t x)
{
	take(&p->rest, p->v, x);
}

int64_t
peak_get(const struct peak *p)
{
	return largest(&p->rest, p->v);
}

void
peak_add_long(struct peak_long *p, int64_t x)
{
	add(&p->rest, p->v, PEAK_KEPT_LONG, x);
}

void
peak_remove_long(struct peak_long *p, int64_t x)
{
	take(&p->rest, p->v, x);
}

int64_t
peak_get_long(const struct peak_long *p)
{
	return largest(&p->rest, p->v);
}
