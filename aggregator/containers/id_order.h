/*
 * id_order: sorts items by their ids in the order of messaging-metrics(7)
 * (id_compare()). Comparing ids byte by byte is slow, but a 16-byte key made
 * from the id almost always decides.
 */
#ifndef AGGREGATOR_CONTAINERS_ID_ORDER_H
#define AGGREGATOR_CONTAINERS_ID_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

struct id_order_item {
	uint64_t key[2]; /* private */
	struct text id;
	void *item;
};

/* Fills an item. The text is borrowed until id_order_sort() returns. */
void id_order_set(struct id_order_item *o, struct text id, void *item);

void id_order_sort(struct id_order_item *v, size_t n);

#endif
