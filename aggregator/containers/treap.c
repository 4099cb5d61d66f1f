/*
 * treap: see treap.h. Weights are a fixed pseudo-random sequence, so that the
 * same changes always make the same tree.
 */
#include "aggregator/containers/treap.h"

void
treap_init(struct treap *o, treap_compare *compare)
{
	*o = (struct treap){ .compare = compare };
}

/* An xorshift; never 0. */
static uint32_t
next_weight(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* Returns the pointer that points to n. */
static struct treap_node **
place_of(struct treap *o, const struct treap_node *n)
{
	if (n->up == NULL)
		return &o->root;
	return n->up->left == n ? &n->up->left : &n->up->right;
}

/* n takes the place of its parent, which becomes its child. */
static void
rotate_up(struct treap *o, struct treap_node *n)
{
	struct treap_node *p = n->up, **place = place_of(o, p), *moved;

	if (p->left == n) {
		moved = n->right;
		p->left = moved;
		n->right = p;
	} else {
		moved = n->left;
		p->right = moved;
		n->left = p;
	}
	if (moved != NULL)
		moved->up = p;
	n->up = p->up;
	p->up = n;
	*place = n;
}

void
treap_add(struct treap *o, struct treap_node *n)
{
	struct treap_node **place = &o->root, *up = NULL;

	while (*place != NULL) {
		up = *place;
		place = o->compare(n, up) < 0 ? &up->left : &up->right;
	}
	*place = n;
	n->up = up;
	n->left = n->right = NULL;
	n->weight = next_weight();
	while (n->up != NULL && n->up->weight < n->weight)
		rotate_up(o, n);
}

void
treap_remove(struct treap *o, struct treap_node *n)
{
	struct treap_node *child;

	if (!treap_has(n))
		return;
	while (n->left != NULL && n->right != NULL)
		rotate_up(
		    o, n->left->weight > n->right->weight ? n->left : n->right);
	child = n->left != NULL ? n->left : n->right;
	*place_of(o, n) = child;
	if (child != NULL)
		child->up = n->up;
	*n = (struct treap_node){ .weight = 0 };
}

struct treap_node *
treap_first(const struct treap *o)
{
	struct treap_node *n = o->root;

	while (n != NULL && n->left != NULL)
		n = n->left;
	return n;
}

struct treap_node *
treap_next(const struct treap_node *n)
{
	struct treap_node *next = n->right;

	if (next == NULL) {
		while (n->up != NULL && n->up->right == n)
			n = n->up;
		return n->up;
	}
	while (next->left != NULL)
		next = next->left;
	return next;
}
