/*
 * id_order: sorts things by their ids in the order of messaging-metrics(7)
 * (id_compare()). Comparing ids byte by byte is slow; a key of 16 bytes made
 * of the id decides nearly always.
 */
#ifndef AGGREGATOR_CONTAINERS_ID_ORDER_H
#define AGGREGATOR_CONTAINERS_ID_ORDER_H

#include "common/records/record.h"

struct id_order_item {
	uint64_t key[2]; /* private */
	struct text id, second;
	void *item;
};

/* Fills an item. second, which may be absent, orders items of the same id. The
 * texts are borrowed until id_order_sort() returns. */
void id_order_set(
    struct id_order_item *o, struct text id, struct text second, void *item);

void id_order_sort(struct id_order_item *v, size_t n);

#endif
