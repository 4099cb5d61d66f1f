/*
 * chat_table: see chat_table.h.
 */
#include "aggregator/model/chat_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"

#include "aggregator/model/model_memory.h"

#define FIRST_SLOTS 64
#define TAG_SHIFT 48
#define POINTER_MASK ((UINT64_C(1) << TAG_SHIFT) - 1)

_Static_assert(offsetof(struct chat, number) == ARENA_LINE,
    "what a new message touches is one cache line");
_Static_assert(sizeof(struct chat) % ARENA_LINE == 0,
    "chats are adjacent, and each begins a cache line");

static uint64_t
chat_slot(const struct chat *c)
{
	return (uint64_t)(uintptr_t)c | (uint64_t)(c->hash >> 16) << TAG_SHIFT;
}

static struct chat *
chat_of(uint64_t slot)
{
	return (struct chat *)(uintptr_t)(slot & POINTER_MASK);
}

/* Returns the slot of the id, or the free slot where it belongs. */
static size_t
find_chat_slot(const struct model_private *p, uint32_t hash, struct text id)
{
	size_t i = hash & p->slot_mask;
	struct text known;

	for (; p->slots[i] != 0; i = (i + 1) & p->slot_mask) {
		if (p->slots[i] >> TAG_SHIFT != hash >> 16)
			continue;
		known = chat_id(chat_of(p->slots[i]));
		if (known.len == id.len && hash_same(known.p, id.p, id.len))
			break;
	}
	return i;
}

uint32_t
model_hash_chat(const struct model *m, struct text id)
{
	return interner_hash(&m->lexicon.names, id);
}

/* Prefetches the place of the next message, and the customer. The operators are
 * few. */
static void
prefetch_parts(const struct model *m, const struct chat *c)
{
	if (c->messages != NULL)
		__builtin_prefetch(c->messages + c->n, 1);
	if (c->name_hints[0] != 0)
		__builtin_prefetch(
		    interner_at(&m->lexicon.names, c->name_hints[0]), 1);
}

void
model_prefetch(const struct model *m, uint32_t hash, enum model_near near)
{
	const struct model_private *p = m->private;
	const struct chat *c;
	uint64_t *slot;

	if (p->slots == NULL)
		return;
	slot = &p->slots[hash & p->slot_mask];
	if (near == MODEL_SLOT) {
		__builtin_prefetch(slot);
	} else if (*slot != 0) {
		c = chat_of(*slot);
		if (near == MODEL_CHAT)
			__builtin_prefetch(c, 1);
		else
			prefetch_parts(m, c);
	}
}

static void
grow_chat_slots(const struct model *m, struct model_private *p)
{
	size_t i, to;

	p->slot_mask =
	    (p->slots != NULL ? (p->slot_mask + 1) * 2 : FIRST_SLOTS) - 1;
	free(p->slots);
	p->slots = xcalloc(p->slot_mask + 1, sizeof *p->slots);
	for (i = 0; i < m->chats_n; i++) {
		to = m->chats[i]->hash & p->slot_mask;
		while (p->slots[to] != 0)
			to = (to + 1) & p->slot_mask;
		p->slots[to] = chat_slot(m->chats[i]);
	}
}

struct chat *
model_find_chat(const struct model *m, struct text id)
{
	const struct model_private *p = m->private;
	uint64_t slot;

	if (p->slots == NULL)
		return NULL;
	slot = p->slots[find_chat_slot(p, model_hash_chat(m, id), id)];
	return slot != 0 ? chat_of(slot) : NULL;
}

/* Chats never move; freed ones are reused. */
static struct chat *
new_chat(struct model *m, uint32_t hash, struct text id)
{
	struct model_private *p = m->private;
	struct chat *c = p->free_n > 0 ? p->free[--p->free_n]
				       : arena_take_lines(&p->arena, sizeof *c);

	memset(c, 0, sizeof *c);
	c->hash = hash;
	c->loaded = true;
	c->id_len = (uint8_t)id.len;
	if (id.len > sizeof c->id.bytes)
		c->id.far = xstrndup(id.p, id.len);
	else
		memcpy(c->id.bytes, id.p, id.len);
	c->now.at = CLOCK_NONE;
	c->now.opened_at = CLOCK_NONE;
	c->listed_at = CLOCK_NONE;
	c->newest = CLOCK_NONE;
	c->figures.last_message_at = CLOCK_NONE;
	c->figures.waiting_since = CLOCK_NONE;
	c->figures.first_since = CLOCK_NONE;
	c->figures.first_response = TALLY_NONE;
	c->credited.wait = CLOCK_NONE;
	c->dropped.at = CLOCK_NONE;
	c->dropped.status_at = CLOCK_NONE;
	c->dropped.assignee_at = CLOCK_NONE;
	return c;
}

struct chat *
chats_get(struct model *m, struct text id)
{
	struct model_private *p = m->private;
	uint32_t hash = model_hash_chat(m, id);
	struct chat *c;
	size_t i;

	if (p->slots == NULL || m->chats_n * 2 > p->slot_mask)
		grow_chat_slots(m, p);
	i = find_chat_slot(p, hash, id);
	if (p->slots[i] != 0) {
		c = chat_of(p->slots[i]);
		c->gone = false; /* it returned before it was freed */
		return c;
	}
	c = new_chat(m, hash, id);
	p->slots[i] = chat_slot(c);
	XGROW(m->chats, m->chats_n, m->chats_cap);
	c->index = (uint32_t)m->chats_n;
	m->chats[m->chats_n++] = c;
	return c;
}

/* Empties the slot and shifts back the entries after it. */
static void
empty_chat_slot(struct model_private *p, size_t i)
{
	size_t hole = i, home;

	for (;;) {
		i = (i + 1) & p->slot_mask;
		if (p->slots[i] == 0)
			break;
		home = chat_of(p->slots[i])->hash & p->slot_mask;
		/* The entry stays unless its home is at or before the hole. */
		if (((i - home) & p->slot_mask) < ((i - hole) & p->slot_mask))
			continue;
		p->slots[hole] = p->slots[i];
		hole = i;
	}
	p->slots[hole] = 0;
}

static void
remove_from_chats(struct model *m, struct chat *c)
{
	struct chat *last = m->chats[m->chats_n - 1];

	empty_chat_slot(
	    m->private, find_chat_slot(m->private, c->hash, chat_id(c)));
	m->chats[c->index] = last;
	last->index = c->index;
	m->chats_n--;
}

/* Frees what is not in the arena. */
static void
free_parts(struct chat *c)
{
	free(c->ids);
	free(c->intervals);
	if (c->id_len > sizeof c->id.bytes)
		free(c->id.far);
}

void
chats_remove(struct model *m, struct chat *c)
{
	struct model_private *p = m->private;

	remove_from_chats(m, c);
	free_parts(c);
	XGROW(p->free, p->free_n, p->free_cap);
	p->free[p->free_n++] = c;
}

void
chats_release(struct model *m)
{
	struct model_private *p = m->private;
	size_t i;

	for (i = 0; i < m->chats_n; i++)
		free_parts(m->chats[i]);
	free(p->free);
	free(p->slots);
	free(m->chats);
	free(m->changes.chats);
}
