/*
 * top_values: see top_values.h. No value in v is smaller than one that is not
 * kept.
 */
#include "aggregator/containers/top_values.h"

static void
drop_value(struct top_values_rest *r, int64_t x)
{
	if (r->any == 0 || x > r->most)
		r->most = x;
	r->any = 1;
}

static void
insert_value(struct top_values_rest *r, int64_t *v, uint32_t room, int64_t x)
{
	bool full = r->kept == room;
	uint32_t i;

	if (full ? x <= v[room - 1] : r->any != 0 && x < r->most) {
		drop_value(r, x);
		return;
	}
	if (full)
		drop_value(r, v[--r->kept]);
	for (i = r->kept++; i > 0 && v[i - 1] < x; i--)
		v[i] = v[i - 1];
	v[i] = x;
}

static void
remove_value(struct top_values_rest *r, int64_t *v, int64_t x)
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
largest(const struct top_values_rest *r, const int64_t *v)
{
	if (r->kept > 0)
		return v[0];
	return r->any != 0 ? r->most : CLOCK_NONE;
}

void
top_values_add(struct top_values *p, int64_t x)
{
	insert_value(&p->rest, p->v, TOP_VALUES_KEPT, x);
}

void
top_values_remove(struct top_values *p, int64_t x)
{
	remove_value(&p->rest, p->v, x);
}

int64_t
top_values_get(const struct top_values *p)
{
	return largest(&p->rest, p->v);
}

bool
top_values_is_bound(const struct top_values *p)
{
	return p->rest.kept == 0 && p->rest.any != 0;
}

void
top_values_add_long(struct top_values_long *p, int64_t x)
{
	insert_value(&p->rest, p->v, TOP_VALUES_KEPT_LONG, x);
}

void
top_values_remove_long(struct top_values_long *p, int64_t x)
{
	remove_value(&p->rest, p->v, x);
}

int64_t
top_values_get_long(const struct top_values_long *p)
{
	return largest(&p->rest, p->v);
}
