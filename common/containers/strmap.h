/*
 * strmap: a hash table from byte strings to pointers, with open addressing and
 * a random seed, iterated in order of insertion. Keys are copied and owned by
 * the map; values belong to the caller.
 *
 * Weighed: hsearch(3) has one size and removes nothing; uthash wants a handle
 * of 56 bytes in each element; GLib's GHashTable has no order, and calls two
 * functions for each key, where such a call costs more than the hash (hash.h).
 */
#ifndef COMMON_CONTAINERS_STRMAP_H
#define COMMON_CONTAINERS_STRMAP_H

#include <stddef.h>
#include <stdint.h>

struct strmap_entry {
	char *key; /* NUL-ended copy; NULL once deleted */
	size_t key_len;
	uint64_t hash;
	void *value;
};

struct strmap {
	struct strmap_entry *entries; /* in order of insertion */
	size_t n;                     /* of entries, deleted ones included */
	size_t live;
	size_t cap;
	uint32_t *slots;
	size_t slot_mask; /* 0 while there are no slots */
};

#define STRMAP_INIT                                                            \
	{                                                                      \
		NULL, 0, 0, 0, NULL, 0                                         \
	}

/* Frees keys and table; calls free_value on each live value unless NULL. */
void strmap_release(struct strmap *m, void (*free_value)(void *));

/* The value, or NULL. */
void *strmap_get(const struct strmap *m, const char *key, size_t len);

/* Where the value of key is kept, created as NULL if missing. Valid until the
 * next change of the map. */
void **strmap_put(struct strmap *m, const char *key, size_t len);

/* Removes key and returns its value, or NULL. */
void *strmap_delete(struct strmap *m, const char *key, size_t len);

/* Iteration in order of insertion: the next live entry at or after *i, which
 * is moved behind it; NULL at the end. Start with 0. */
struct strmap_entry *strmap_next(const struct strmap *m, size_t *i);

#endif
