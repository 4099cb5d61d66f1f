/*
 * key_set: a set of numbers that is filled and emptied many times. Emptying the
 * set increments a serial number instead of clearing the slots.
 */
#ifndef AGGREGATOR_CONTAINERS_KEY_SET_H
#define AGGREGATOR_CONTAINERS_KEY_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Call key_set_empty() on a zeroed struct before the first use. */
struct key_set {
	uint64_t *keys;
	uint32_t *serials; /* one for each slot, which is in use if it equals
			    * `serial` */
	size_t mask;
	uint32_t serial, n;
	uint64_t last[2]; /* last added keys, which most callers add again */
};

void key_set_empty(struct key_set *s);

/* Adds a key, which must not be 0. Returns false if the set already had it. */
bool key_set_add(struct key_set *s, uint64_t key);

void key_set_release(struct key_set *s);

#endif
