/*
 * order: sorts things by their ids as METRICS orders them, which is dear to
 * compare byte by byte: a key of 16 bytes decides nearly always.
 */
#ifndef AGGREGATOR_ORDER_H
#define AGGREGATOR_ORDER_H

#include "common/record.h"

struct order_item {
	uint64_t key[2]; /* private */
	struct text id, second;
	void *item;
};

/* Fills one; second, absent or not, decides between things of one id. */
void order_set(
    struct order_item *o, struct text id, struct text second, void *item);

void order_sort(struct order_item *v, size_t n);

#endif
