/*
 * state_dirty_pages: counts the pages that changes copied, which LMDB calls
 * dirty and keeps in memory until the checkpoint.
 */
#include "aggregator/state/state_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#define PAGES_FIRST 1024

/* A page is identified by its address divided by STATE_LOG_PAGE. A copy need
 * not be aligned, so it counts as two at most. */
static uintptr_t *
find_page_slot(const struct state_dirty_pages *p, uintptr_t page)
{
	size_t i = (size_t)((page * UINT64_C(0x9e3779b97f4a7c15)) >> 32);

	while (p->slots[i & p->mask] != 0 && p->slots[i & p->mask] != page)
		i++;
	return &p->slots[i & p->mask];
}

static void
grow_page_set(struct state_dirty_pages *p)
{
	struct state_dirty_pages old = *p;
	size_t i, n = p->slots == NULL ? PAGES_FIRST : 2 * (p->mask + 1);

	p->slots = xcalloc(n, sizeof *p->slots);
	p->mask = n - 1;
	for (i = 0; old.slots != NULL && i <= old.mask; i++)
		if (old.slots[i] != 0)
			*find_page_slot(p, old.slots[i]) = old.slots[i];
	free(old.slots);
}

bool
state_dirty_pages_add(struct state_dirty_pages *p, const void *value)
{
	uintptr_t page = (uintptr_t)value / STATE_LOG_PAGE;
	uintptr_t *slot;

	if (p->slots == NULL || 2 * p->n > p->mask)
		grow_page_set(p);
	slot = find_page_slot(p, page);
	if (*slot == page)
		return false;
	*slot = page;
	p->n++;
	return true;
}

void
state_dirty_pages_clear(struct state_dirty_pages *p)
{
	if (p->n > 0)
		memset(p->slots, 0, (p->mask + 1) * sizeof *p->slots);
	p->n = 0;
}
