/*
 * chat_table: see chat_table.h.
 */
#include "aggregator/model/chat_table.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"

#include "aggregator/model/model_private.h"

/* Chats by id. */

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

/* A chat's messages: memory, order, ids. */

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

/* Call when messages of the chat have moved. */
static void
note_moved(struct chat *c)
{
	free(c->ids);
	c->ids = NULL;
}

void
messages_drop(struct model *m, struct chat *c, size_t n)
{
	uint32_t cap;
	size_t i;

	for (i = 0; i < n; i++)
		message_drop(&m->lexicon, &c->messages[i]);
	note_moved(c);
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
		note_moved(c);
	if (first < c->clean)
		c->clean = (uint32_t)first;
	if (c->sorted < c->clean)
		c->clean = c->sorted;
	c->sorted = c->n;
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

/* The same as find_message() for a chat with many messages. */
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
static size_t
find_message(struct chat *c, message_id id)
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

/* A message: new, a later version, a duplicate. */

/* Remembers a version of a message that has no updated_at. */
static bool
remember_version(struct model *m, const struct chat *c, const struct message *x)
{
	const struct lexicon *w = &m->lexicon;
	char buf[MESSAGE_ID_TEXT], flags[4];
	uint32_t named =
	    x->from == FROM_OPERATOR ? message_operator(x) : x->operator_id;
	struct text parts[] = { chat_id(c),
		message_id_text(&w->message_ids, x->id, buf),
		model_name(m, message_writer(x)), model_name(m, named),
		model_name(m, w->kinds[x->kind]),
		lexicon_channel_text(w, x->channel), { flags, 3 } };

	flags[0] = (char)('0' + x->from);
	flags[1] = (char)('0' + x->is_private);
	flags[2] = (char)('0' + x->automated);
	flags[3] = '\0';
	return remember_arrival(m, 'm', parts, ARRAY_LEN(parts));
}

/* Compares a version with the one before it; > 0: it replaces that one. Of
 * versions without updated_at, the later arrival counts, but one that is
 * delivered again is older. */
static int
compare_to_known(struct model *m, const struct chat *c,
    const struct message *new, const struct message *old)
{
	int newer = message_compare_version(&m->lexicon, new, old);

	if (newer == 0 || message_updated_at(new) != CLOCK_NONE ||
	    message_updated_at(old) != CLOCK_NONE)
		return newer;
	(void)remember_version(m, c, old);
	return remember_version(m, c, new) ? 1 : -1;
}

/* Handles another version of the i-th message of the chat: takes it over,
 * except for its time, or drops it. */
static enum model_result
revise_message(
    struct model *m, struct chat *c, size_t i, const struct message *new)
{
	struct lexicon *w = &m->lexicon;
	struct message *old = &c->messages[i];
	struct message now = *new;
	int newer = compare_to_known(m, c, new, old);

	m->known_at = newer < 0 ? CLOCK_NONE : old->at;
	if (newer <= 0) {
		m->known_revision = message_revision(old);
		message_drop(w, new);
		return MODEL_DUPLICATE;
	}
	message_set_at(&now, old->at);
	if (message_updated_at(new) == CLOCK_NONE)
		message_set_revision(&now, message_revision(old) + 1);
	m->known_revision = message_revision(&now);
	/* Intervals already reported have the old message's id. */
	now.id = old->id;
	interner_drop(&w->names, old->user);
	interner_drop(&w->names, old->operator_id);
	message_id_drop(&w->message_ids, new->id);
	*old = now;
	if (i < c->clean)
		c->clean = (uint32_t)i;
	touch_chat(m, c, true);
	return MODEL_VERSION;
}

/* True if a message with that time, before the window, belongs to an episode
 * that was, or may have been, dropped. */
static bool
is_past_episode(const struct chat *c, int64_t at)
{
	return at <= c->dropped.at ||
	       (c->descriptions != NULL && at < c->descriptions->opened_at);
}

/* If nobody follows the messages, those of a chat are searched once for
 * repeated ones, when the chat is derived and in the processor's cache: that
 * takes a quarter less time if ids are texts. */
static bool
identifies_later(const struct model *m)
{
	return !m->incremental && m->follower == NULL && !m->identifies;
}

/* Appends a message to its chat or, if it is another version of a known
 * message, replaces that message or drops it. Only in a snapshot may it be
 * older than the window. */
static enum model_result
take_message(struct model *m, struct chat *c, const struct message *new)
{
	size_t i = find_message(c, new->id);

	if (i < c->n &&
	    (model_in_snapshot(m) || !model_is_late(m, c->messages[i].at)))
		return revise_message(m, c, i, new);
	/* A message has the time of its first version, which is older than the
	 * window, or so old that the message may have been dropped. */
	if (i < c->n ||
	    (model_is_late(m, new->at) && is_past_episode(c, new->at))) {
		message_drop(&m->lexicon, new);
		return MODEL_LATE;
	}
	*messages_append(m, c) = *new;
	messages_note_id(c, new->id);
	touch_chat(m, c, true);
	return MODEL_NEW;
}

enum model_result
messages_add(struct model *m, struct chat *c, const struct message *new)
{
	if (!identifies_later(m))
		return take_message(m, c, new);
	*messages_append(m, c) = *new;
	return MODEL_NEW;
}

void
messages_identify(struct model *m, struct chat *c)
{
	uint32_t i, n = c->n;
	struct message x;

	if (!identifies_later(m))
		return;
	note_moved(c);
	c->n = 0;
	for (i = 0; i < n; i++) {
		x = c->messages[i];
		(void)take_message(m, c, &x);
	}
	note_moved(c);
}

/* The texts of one chat. */

/* A text is kept for each version of a message: updated, chat, id. */
#define TEXT_KEY (MESSAGE_ID_TEXT + 8 + RECORD_MAX_ID + 1)

static size_t
text_key(char key[TEXT_KEY], struct text chat, struct text id, int64_t updated)
{
	memcpy(key, &updated, 8);
	memcpy(key + 8, chat.p, chat.len);
	key[8 + chat.len] = '\0';
	memcpy(key + 9 + chat.len, id.p, id.len);
	return 9 + chat.len + id.len;
}

void
texts_keep(struct model *m, const struct record *r)
{
	char key[TEXT_KEY], *text;
	void **slot;

	if (r->text.p == NULL || m->text_of == NULL ||
	    !text_is(r->chat, m->text_of))
		return;
	slot = strmap_put(&m->private->texts, key,
	    text_key(key, r->chat, r->id, r->updated_at));
	text = text_dup(r->text);
	free(*slot);
	*slot = text;
}

struct text
model_text(
    const struct model *m, const struct chat *c, const struct message *message)
{
	char key[TEXT_KEY], buf[MESSAGE_ID_TEXT];
	struct text t,
	    id = message_id_text(&m->lexicon.message_ids, message->id, buf);

	t.p = strmap_get(&m->private->texts, key,
	    text_key(key, chat_id(c), id, message_updated_at(message)));
	t.len = t.p != NULL ? strlen(t.p) : 0;
	return t;
}
