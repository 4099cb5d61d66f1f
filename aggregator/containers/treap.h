/*
 * treap: an ordered set whose nodes are embedded in its elements. It is a
 * binary search tree and at the same time a heap of random weights. Adding,
 * removing, and finding the first or next element take logarithmic time;
 * nothing is allocated. The caller defines the order. No two elements may be
 * equal in it, and the fields that it compares must not change while the
 * element is in the set.
 *
 * Alternatives: tsearch(3) allocates its nodes and has no next element. The
 * red-black trees of <sys/tree.h> would serve, but need libbsd.
 *
 * Not thread safe.
 */
#ifndef AGGREGATOR_CONTAINERS_TREAP_H
#define AGGREGATOR_CONTAINERS_TREAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed node is in no set. */
struct treap_node {
	struct treap_node *up, *left, *right;
	uint32_t weight; /* 0: not in a set */
};

typedef int treap_compare(
    const struct treap_node *a, const struct treap_node *b);

struct treap {
	struct treap_node *root;
	treap_compare *compare;
};

/* Returns the element that contains the node. */
#define TREAP_OF(node, type, member)                                           \
	((type *)((uintptr_t)(node)-offsetof(type, member)))

static inline bool
treap_has(const struct treap_node *n)
{
	return n->weight != 0;
}

void treap_init(struct treap *o, treap_compare *compare);

/* Adds a node, which must not be in a set. */
void treap_add(struct treap *o, struct treap_node *n);

/* Removes a node; does nothing if it is not in a set. */
void treap_remove(struct treap *o, struct treap_node *n);

/* NULL if there is no such node. */
struct treap_node *treap_first(const struct treap *o);
struct treap_node *treap_next(const struct treap_node *n);

#endif
