/*
 * key_set: a set of numbers that is filled and emptied again and again.
 * Emptying it takes a new serial number instead of clearing the slots.
 */
#ifndef AGGREGATOR_CONTAINERS_KEY_SET_H
#define AGGREGATOR_CONTAINERS_KEY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A zeroed struct becomes usable by key_set_empty(). */
struct key_set {
	uint64_t *keys;
	uint32_t *serials; /* of the slot; taken if it is `serial` */
	size_t mask;
	uint32_t serial, n;
	uint64_t last[2]; /* keys added last: most callers repeat them */
};

void key_set_empty(struct key_set *s);

/* Adds a key, which is not 0. False: it was there. */
bool key_set_add(struct key_set *s, uint64_t key);

void key_set_release(struct key_set *s);

#endif
