/*
 * chat_messages: see chat_messages.h.
 */
#include "aggregator/model/chat_messages.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"

#include "aggregator/model/model_memory.h"

#define MESSAGES_LEAST 4u

/* With this many messages, a chat gets an index of their ids: searches in it
 * would take a time that grows with the square of their number. */
#define INDEXED 4096

/* The messages of a large chat by their ids. */
struct id_index {
	size_t mask;
	uint32_t n;       /* the first n messages have slots */
	uint32_t slots[]; /* index of a message + 1; 0: free */
};

/* An array that no chat uses. */
struct message_array {
	struct message_array *next;
};

/* Returns the list of free arrays for that many messages. */
static struct message_array **
free_arrays(struct model *m, uint32_t cap)
{
	return &m->private->arrays[__builtin_ctz(cap)];
}

static struct message *
take_array(struct model *m, uint32_t cap)
{
	struct message_array **list = free_arrays(m, cap), *array = *list;

	if (array == NULL)
		return arena_take_lines(
		    &m->private->arena, cap * sizeof(struct message));
	*list = array->next;
	return (struct message *)(void *)array;
}

static void
release_array(struct model *m, struct message *v, uint32_t cap)
{
	struct message_array *array = (struct message_array *)(void *)v;

	if (cap == 0)
		return;
	array->next = *free_arrays(m, cap);
	*free_arrays(m, cap) = array;
}

/* Moves the messages to an array for that many: a power of two of at least
 * MESSAGES_LEAST or, if there are no messages, 0. The arrays are taken from the
 * arena, because a million messages in the small pages of malloc() take a tenth
 * more time. */
static void
resize_messages(struct model *m, struct chat *c, uint32_t cap)
{
	struct message *old = c->messages;

	c->messages = cap > 0 ? take_array(m, cap) : NULL;
	if (c->n > 0)
		memcpy(c->messages, old, c->n * sizeof *old);
	release_array(m, old, c->cap);
	c->cap = cap;
}

struct message *
messages_append(struct model *m, struct chat *c)
{
	/* Most chats have few. */
	if (c->n == c->cap)
		resize_messages(m, c,
		    c->cap == 0   ? MESSAGES_LEAST
		    : c->cap < 16 ? 16
				  : 2 * c->cap);
	return &c->messages[c->n++];
}

void
messages_drop(struct model *m, struct chat *c, size_t n)
{
	uint32_t cap;
	size_t i;

	for (i = 0; i < n; i++)
		message_drop(&m->lexicon, &c->messages[i]);
	messages_moved(c);
	c->n -= (uint32_t)n;
	if (c->n > 0)
		memmove(
		    c->messages, c->messages + n, c->n * sizeof *c->messages);
	cap = c->n > 0 ? c->cap : 0;
	/* Memory of long episodes is not reused for short ones. */
	while (cap > MESSAGES_LEAST && 4 * (size_t)c->n <= cap)
		cap /= 2;
	if (cap != c->cap)
		resize_messages(m, c, cap);
}

void
messages_sort(struct model *m, struct chat *c)
{
	size_t first =
	    timeline_sort(&m->private->sorting, c->messages, c->n, c->sorted);

	if (first < c->n)
		messages_moved(c);
	if (first < c->clean)
		c->clean = (uint32_t)first;
	if (c->sorted < c->clean)
		c->clean = c->sorted;
	c->sorted = c->n;
}

void
messages_moved(struct chat *c)
{
	free(c->ids);
	c->ids = NULL;
}

/* Returns the slot of the id, which may be free. */
static uint32_t *
find_id_slot(const struct chat *c, message_id id)
{
	struct id_index *x = c->ids;
	uint64_t key = message_id_is_text(id) ? id >> MESSAGE_ID_TAG_SHIFT : id;
	size_t i = (size_t)hash_mix(key ^ HASH_K1, HASH_K2) & x->mask;

	while (x->slots[i] != 0 &&
	       !message_id_same(c->messages[x->slots[i] - 1].id, id))
		i = (i + 1) & x->mask;
	return &x->slots[i];
}

/* The same as messages_find() for a chat with many messages. */
static size_t
find_by_index(struct chat *c, message_id id)
{
	struct id_index *x = c->ids;
	size_t slots = INDEXED;
	uint32_t i;

	if (x == NULL || x->mask < 2 * (size_t)c->n) {
		while (slots < 4 * (size_t)c->n)
			slots *= 2;
		free(x);
		c->ids = x = xcalloc(1, sizeof *x + slots * sizeof x->slots[0]);
		x->mask = slots - 1;
	}
	while (x->n < c->n) {
		i = x->n++;
		*find_id_slot(c, c->messages[i].id) = x->n;
	}
	i = *find_id_slot(c, id);
	return i != 0 ? i - 1u : c->n;
}

/* Returns the index of the message with that id, or c->n. Versions of a message
 * may be far apart in time. */
size_t
messages_find(struct chat *c, message_id id)
{
	size_t i = c->n;

	if (!message_id_is_text(id) && id > c->greatest)
		return i;
	if (c->n >= INDEXED)
		return find_by_index(c, id);
	while (i > 0 && !message_id_same(c->messages[i - 1].id, id))
		i--;
	return i > 0 ? i - 1 : c->n;
}
