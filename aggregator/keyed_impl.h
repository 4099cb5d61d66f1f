/*
 * keyed_impl: what keyed.c and keyed_home.c share; nobody else includes it.
 */
#ifndef AGGREGATOR_KEYED_IMPL_H
#define AGGREGATOR_KEYED_IMPL_H

#include "aggregator/keyed.h"

enum keyed_flags {
	KEYED_DIRTY = 1, /* in the list of what is to be saved */
	KEYED_TOLD = 2,  /* in the list of rows to be told */
	KEYED_GONE = 4,  /* deleted; stays until the state knows */
	KEYED_USED = 8,  /* asked for since the eviction came by */
};

/* Its key_len bytes. */
const unsigned char *keyed_entry_key(const struct keyed_entry *e);

/* Out of the table, its block back to the pool. */
void keyed_remove(struct keyed *k, struct keyed_entry *e);

/* See keyed_list(); gone: those that were deleted, too. */
void **keyed_sort(const struct keyed_list *list, bool gone, size_t *n);

#endif
