/*
 * id_order: see id_order.h.
 */
#include "aggregator/containers/id_order.h"

#include "common/base/xalloc.h"

/* Returns the first n bytes as a big-endian number. */
static uint64_t
pack(const char *p, size_t len, size_t n)
{
	uint64_t w = 0;
	size_t i;

	for (i = 0; i < n; i++)
		w = w << 8 | (i < len ? (unsigned char)p[i] : 0);
	return w;
}

/* The key of a number consists of its length and its digits. All other ids are
 * greater than numbers. */
void
id_order_set(struct id_order_item *o, struct text id, void *item)
{
	size_t i, first = 7;

	for (i = 0; i < id.len && text_is_digit(id.p[i]); i++)
		continue;
	if (i == id.len && i > 0 && (id.p[0] != '0' || i == 1)) {
		first = 6;
		o->key[0] = (uint64_t)id.len << 48 | pack(id.p, id.len, first);
	} else {
		o->key[0] = UINT64_C(1) << 63 | pack(id.p, id.len, first);
	}
	o->key[1] = id.len > first ? pack(id.p + first, id.len - first, 8) : 0;
	o->id = id;
	o->item = item;
}

static int
compare_id_items(const void *a, const void *b)
{
	const struct id_order_item *x = a, *y = b;

	if (x->key[0] != y->key[0])
		return x->key[0] < y->key[0] ? -1 : 1;
	if (x->key[1] != y->key[1])
		return x->key[1] < y->key[1] ? -1 : 1;
	return id_compare(x->id.p, x->id.len, y->id.p, y->id.len);
}

void
id_order_sort(struct id_order_item *v, size_t n)
{
	sort_array(v, n, sizeof *v, compare_id_items);
}
