/*
 * slab: the memory of the messages of a model's chats: arrays that grow in
 * steps, where one that was outgrown is soon another one's. Taken from few
 * large pieces, for which huge pages are asked once they are large enough:
 * to touch a million messages then costs some dozen page faults, not ten
 * thousand. What is given back stays with the slab.
 */
#ifndef AGGREGATOR_CLOCKS_SLAB_H
#define AGGREGATOR_CLOCKS_SLAB_H

#include "aggregator/clocks/timeline.h"

#define SLAB_CLASSES 16

/* Private. A zeroed struct is empty. */
struct slab {
	struct slab_array *free[SLAB_CLASSES];
	void **pieces;
	size_t pieces_n, pieces_cap;
	char *at;
	size_t left;
};

void slab_release(struct slab *s);

/* An array of *cap messages with the n of the old one, which had *cap and is
 * given back, but for 0; *cap is what it has now, more than before. */
struct message *slab_grow(
    struct slab *s, struct message *old, size_t n, uint32_t *cap);
/* The same n in an array that fits twice as many, if *cap is at least four
 * times as large; else the old one. n is not 0. */
struct message *slab_shrink(
    struct slab *s, struct message *old, size_t n, uint32_t *cap);
void slab_give(struct slab *s, struct message *old, uint32_t cap);

#endif
