/*
 * treap: a set in order, whose nodes lie inside of what they stand for: a
 * treap. Adding, removing, the first and the next cost the logarithm of how
 * many there are; nothing is allocated. The order is the caller's, and no two
 * elements may be equal in it. What an element is compared by must not change
 * while it is in.
 *
 * One thread.
 */
#ifndef AGGREGATOR_CONTAINERS_TREAP_H
#define AGGREGATOR_CONTAINERS_TREAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed one is in no set. */
struct treap_node {
	struct treap_node *up, *left, *right;
	uint32_t weight; /* 0: in no set */
};

typedef int treap_compare(
    const struct treap_node *a, const struct treap_node *b);

struct treap {
	struct treap_node *root;
	treap_compare *compare;
	uint64_t *steps; /* unless NULL: counts nodes that were looked at */
	size_t n;
};

/* What the node lies in. */
#define TREAP_OF(node, type, member)                                           \
	((type *)((uintptr_t)(node)-offsetof(type, member)))

static inline bool
treap_has(const struct treap_node *n)
{
	return n->weight != 0;
}

void treap_init(struct treap *o, treap_compare *compare, uint64_t *steps);

/* The node is in no set. */
void treap_add(struct treap *o, struct treap_node *n);

/* Nothing if it is in none. */
void treap_remove(struct treap *o, struct treap_node *n);

/* NULL: there is none. */
struct treap_node *treap_first(const struct treap *o);
struct treap_node *treap_next(
    const struct treap *o, const struct treap_node *n);

#endif
