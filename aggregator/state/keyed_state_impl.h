/*
 * keyed_state_impl: what keyed_state.c and keyed_state_home.c share; nobody
 * else includes it.
 */
#ifndef AGGREGATOR_STATE_KEYED_STATE_IMPL_H
#define AGGREGATOR_STATE_KEYED_STATE_IMPL_H

#include "aggregator/state/keyed_state.h"

enum keyed_state_flags {
	KEYED_STATE_DIRTY = 1,   /* in the list of what is to be saved */
	KEYED_STATE_PENDING = 2, /* in the list of rows to be told */
	KEYED_STATE_DELETED = 4, /* deleted; stays until the state knows */
	KEYED_STATE_USED = 8,    /* asked for since the eviction came by */
};

/* Its key_len bytes. */
const unsigned char *keyed_state_entry_key(const struct keyed_state_entry *e);

/* Out of the table, its block back to the pool. */
void keyed_state_remove(struct keyed_state *k, struct keyed_state_entry *e);

/* See keyed_state_list(); gone: those that were deleted, too. */
void **keyed_state_sort(
    const struct keyed_state_list *list, bool gone, size_t *n);

#endif
