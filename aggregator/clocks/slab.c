/*
 * slab: see slab.h.
 */
#include "aggregator/clocks/slab.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* The capacity of each class, in messages. Larger arrays are allocated by
 * malloc(), and grow by half. */
static const uint32_t sizes[SLAB_CLASSES] = { 4, 16, 32, 64, 96, 128, 192, 256,
	384, 512, 768, 1024, 1536, 2048, 2560, 3072 };

_Static_assert(3072 * sizeof(struct message) <= PIECES_MAX &&
		   4 * sizeof(struct message) % PIECES_LINE == 0,
    "arrays are taken from pieces");

/* A released array. */
struct slab_array {
	struct slab_array *next;
};

/* The first class above cap; SLAB_CLASSES: none. */
static size_t
class_above(uint32_t cap)
{
	size_t i = 0;

	while (i < SLAB_CLASSES && sizes[i] <= cap)
		i++;
	return i;
}

static struct message *
take_array(struct slab *s, size_t class)
{
	struct slab_array *old = s->free[class];

	if (old == NULL)
		return pieces_take(
		    s->pieces, sizes[class] * sizeof(struct message));
	s->free[class] = old->next;
	return (struct message *)(void *)old;
}

void
slab_release_array(struct slab *s, struct message *old, uint32_t cap)
{
	struct slab_array *array = (struct slab_array *)(void *)old;
	size_t class;

	if (cap == 0)
		return;
	class = class_above(cap - 1);
	if (class == SLAB_CLASSES) {
		free(old);
		return;
	}
	array->next = s->free[class];
	s->free[class] = array;
}

void
slab_free_large(struct message *old, uint32_t cap)
{
	if (cap > sizes[SLAB_CLASSES - 1])
		free(old);
}

struct message *
slab_shrink(struct slab *s, struct message *old, size_t n, uint32_t *cap)
{
	size_t class = class_above((uint32_t)(2 * n - 1));
	struct message *m;

	if (4 * n > *cap || class == SLAB_CLASSES || sizes[class] >= *cap)
		return old;
	m = take_array(s, class);
	memcpy(m, old, n * sizeof *m);
	slab_release_array(s, old, *cap);
	*cap = sizes[class];
	return m;
}

struct message *
slab_grow(struct slab *s, struct message *old, size_t n, uint32_t *cap)
{
	size_t class = class_above(*cap);
	struct message *m;
	uint32_t old_cap = *cap;

	if (class == SLAB_CLASSES) {
		*cap += *cap / 2;
		/* The old array is malloc()ed, too, unless it is the first
		 * above the classes. */
		if (old_cap > sizes[SLAB_CLASSES - 1])
			return xrealloc(old, *cap, sizeof *m);
		m = xmalloc(*cap * sizeof *m);
	} else {
		*cap = sizes[class];
		m = take_array(s, class);
	}
	if (n > 0)
		memcpy(m, old, n * sizeof *m);
	slab_release_array(s, old, old_cap);
	return m;
}
