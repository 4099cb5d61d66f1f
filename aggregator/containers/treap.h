/*
 * treap: an ordered set whose nodes are embedded in its elements: a binary
 * search tree that is a heap by random weights. Adding, removing, the first and
 * the next element take logarithmic time; nothing is allocated. The caller
 * defines the order; no two elements may be equal in it, and the fields that it
 * compares must not change while the element is in the set.
 *
 * Weighed: tsearch(3) allocates its nodes and has no next element; the
 * red-black trees of libbsd's <sys/tree.h> are as good, but do not count the
 * nodes that they visit, by which tests hold allocation to its bounds.
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
	uint32_t weight; /* 0: in no set */
};

typedef int treap_compare(
    const struct treap_node *a, const struct treap_node *b);

struct treap {
	struct treap_node *root;
	treap_compare *compare;
	size_t n;
};

/* The element that contains the node. */
#define TREAP_OF(node, type, member)                                           \
	((type *)((uintptr_t)(node)-offsetof(type, member)))

static inline bool
treap_has(const struct treap_node *n)
{
	return n->weight != 0;
}

void treap_init(struct treap *o, treap_compare *compare);

/* The node is in no set. */
void treap_add(struct treap *o, struct treap_node *n);

/* Does nothing when the node is in no set. */
void treap_remove(struct treap *o, struct treap_node *n);

/* NULL: there is no such node. */
struct treap_node *treap_first(const struct treap *o);
struct treap_node *treap_next(const struct treap_node *n);

#endif
