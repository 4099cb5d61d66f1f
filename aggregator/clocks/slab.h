/*
 * slab: allocates the message arrays of a model's chats in size classes, so
 * that an array which was outgrown is soon reused by another chat. Released
 * arrays stay in the slab.
 */
#ifndef AGGREGATOR_CLOCKS_SLAB_H
#define AGGREGATOR_CLOCKS_SLAB_H

#include "aggregator/clocks/timeline.h"
#include "aggregator/containers/pieces.h"

#define SLAB_CLASSES 16

/* Private. A zeroed struct is empty. */
struct slab {
	struct slab_array *free[SLAB_CLASSES];
	struct pieces pieces;
};

void slab_release(struct slab *s);

/* Moves the n messages of an array of *cap into a larger one and releases the
 * old one; *cap is the new capacity. *cap 0: there is no old one. */
struct message *slab_grow(
    struct slab *s, struct message *old, size_t n, uint32_t *cap);
/* Moves them into an array of at least twice n if *cap is at least 4 * n; else
 * returns the old one. n is not 0. */
struct message *slab_shrink(
    struct slab *s, struct message *old, size_t n, uint32_t *cap);
/* Releases an array of that capacity; or, before slab_release(), only what that
 * does not release. */
void slab_release_array(struct slab *s, struct message *old, uint32_t cap);
void slab_free_large(struct message *old, uint32_t cap);

#endif
