/*
 * ordered: a set in order, whose nodes lie inside of what they stand for: a
 * treap. Adding, removing, the first and the next cost the logarithm of how
 * many there are; nothing is allocated. The order is the caller's, and no two
 * elements may be equal in it. What an element is compared by must not change
 * while it is in.
 *
 * One thread.
 */
#ifndef AGGREGATOR_ORDERED_H
#define AGGREGATOR_ORDERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed one is in no set. */
struct ordered_node {
	struct ordered_node *up, *left, *right;
	uint32_t weight; /* 0: in no set */
};

typedef int ordered_compare(
    const struct ordered_node *a, const struct ordered_node *b);

struct ordered {
	struct ordered_node *root;
	ordered_compare *compare;
	uint64_t *steps; /* unless NULL: counts nodes that were looked at */
	size_t n;
};

/* What the node lies in. */
#define ORDERED_OF(node, type, member)                                         \
	((type *)((uintptr_t)(node)-offsetof(type, member)))

static inline bool
ordered_has(const struct ordered_node *n)
{
	return n->weight != 0;
}

void ordered_init(struct ordered *o, ordered_compare *compare, uint64_t *steps);

/* The node is in no set. */
void ordered_add(struct ordered *o, struct ordered_node *n);

/* Nothing if it is in none. */
void ordered_remove(struct ordered *o, struct ordered_node *n);

/* NULL: there is none. */
struct ordered_node *ordered_first(const struct ordered *o);
struct ordered_node *ordered_next(
    const struct ordered *o, const struct ordered_node *n);

#endif
