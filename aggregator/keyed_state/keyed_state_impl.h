/*
 * keyed_state_impl: what keyed_state.c and the files beside it share; nobody
 * else includes it.
 */
#ifndef AGGREGATOR_KEYED_STATE_KEYED_STATE_IMPL_H
#define AGGREGATOR_KEYED_STATE_KEYED_STATE_IMPL_H

#include "aggregator/keyed_state/keyed_state.h"

enum {
	KEYED_STATE_FIRST_SLOTS = 8,
	/* A table with more slots an entry gets fewer. */
	KEYED_STATE_SPARSE = 8,
};

enum keyed_state_flags {
	KEYED_STATE_DIRTY = 1,   /* in the list of entries to save */
	KEYED_STATE_PENDING = 2, /* in the list of rows to write */
	KEYED_STATE_DELETED = 4, /* deleted, and that is not saved or written */
	KEYED_STATE_USED = 8,    /* looked up since the last eviction pass */
};

/* The key of an entry, of key_len bytes. */
const unsigned char *keyed_state_entry_key(const struct keyed_state_entry *e);

/* Removes an entry from the table and gives its block back to the pool. */
void keyed_state_remove(struct keyed_state *k, struct keyed_state_entry *e);

/* The payloads of the list, as keyed_state_list() returns them; deleted ones
 * only if `deleted` is set. */
void **keyed_state_sort(
    const struct keyed_state_list *list, bool deleted, size_t *n);

/* Moves the entries to so many slots, a power of two. */
void keyed_state_resize(struct keyed_state *k, size_t slots);

#endif
