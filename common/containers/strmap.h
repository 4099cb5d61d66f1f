/*
 * strmap: a hash table from byte strings to pointers, with open addressing and
 * a random seed, iterated in order of insertion. Keys are copied and owned by
 * the map; values belong to the caller.
 *
 * Alternatives: hsearch(3) has a fixed size and cannot remove; uthash needs a
 * 56-byte handle in each element; GLib's GHashTable has no order, and calls two
 * functions for each key, which costs more than the hash itself (hash.h).
 */
#ifndef COMMON_CONTAINERS_STRMAP_H
#define COMMON_CONTAINERS_STRMAP_H

#include <stddef.h>
#include <stdint.h>

struct strmap_entry {
	char *key; /* copy with NUL; NULL once deleted */
	size_t key_len;
	uint64_t hash;
	void *value;
};

struct strmap {
	struct strmap_entry *entries; /* in order of insertion */
	size_t n;                     /* number of entries, including deleted
				       * ones */
	size_t live;
	size_t cap;
	uint32_t *slots;
	size_t slot_mask; /* 0 until there are slots */
};

#define STRMAP_INIT                                                            \
	{                                                                      \
		NULL, 0, 0, 0, NULL, 0                                         \
	}

/* Frees keys and table. Calls free_value, unless NULL, for each live value. */
void strmap_release(struct strmap *m, void (*free_value)(void *));

/* Returns the value, or NULL. */
void *strmap_get(const struct strmap *m, const char *key, size_t len);

/* Returns the address of the key's value, which is NULL if the key is new.
 * Valid until the next change to the map. */
void **strmap_put(struct strmap *m, const char *key, size_t len);

/* Removes the key and returns its value; NULL if it was absent. */
void *strmap_delete(struct strmap *m, const char *key, size_t len);

/* Iterates in order of insertion: returns the next live entry from *i on and
 * advances *i; NULL at the end. Start with 0. */
struct strmap_entry *strmap_next(const struct strmap *m, size_t *i);

#endif
