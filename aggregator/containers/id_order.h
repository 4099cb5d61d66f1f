/*
 * id_order: sorts things by their ids as messaging-metrics(7) orders them,
 * which is dear to compare byte by byte: a key of 16 bytes decides nearly
 * always.
 */
#ifndef AGGREGATOR_CONTAINERS_ID_ORDER_H
#define AGGREGATOR_CONTAINERS_ID_ORDER_H

#include "common/records/record.h"

struct id_order_item {
	uint64_t key[2]; /* private */
	struct text id, second;
	void *item;
};

/* Fills one; second, absent or not, decides between things of one id. */
void id_order_set(
    struct id_order_item *o, struct text id, struct text second, void *item);

void id_order_sort(struct id_order_item *v, size_t n);

#endif
