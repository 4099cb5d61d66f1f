/*
 * slab: takes the message arrays of a model's chats from its pieces, in size
 * classes, so that an array which was outgrown is soon reused by another chat.
 * Released arrays stay in the slab.
 */
#ifndef AGGREGATOR_CLOCKS_SLAB_H
#define AGGREGATOR_CLOCKS_SLAB_H

#include "aggregator/clocks/timeline.h"
#include "aggregator/containers/pieces.h"

#define SLAB_CLASSES 16

struct slab {
	struct pieces *pieces; /* borrowed; to be set before the first use */

	/* Private. Begin with zeros. */
	struct slab_array *free[SLAB_CLASSES];
};

/* Moves the n messages of an array of *cap into a larger one and releases the
 * old one; *cap is the new capacity. *cap 0: there is no old one. */
struct message *slab_grow(
    struct slab *s, struct message *old, size_t n, uint32_t *cap);
/* Moves them into an array of at least twice n if *cap is at least 4 * n; else
 * returns the old one. n is not 0. */
struct message *slab_shrink(
    struct slab *s, struct message *old, size_t n, uint32_t *cap);
/* Releases an array of that capacity; or, before its pieces are released, only
 * what stands in none. */
void slab_release_array(struct slab *s, struct message *old, uint32_t cap);
void slab_free_large(struct message *old, uint32_t cap);

#endif
