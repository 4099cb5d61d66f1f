/*
 * model_messages: the messages of a chat: appends them, finds them, replaces
 * one by a later version, and keeps their texts if they are needed.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* Maximum number of unsorted messages; with more, they are sorted for a
 * search. */
#define UNSORTED 64

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

	if (cap > MESSAGES_IN_PIECE)
		return xmalloc(cap * sizeof(struct message));
	if (array == NULL)
		return pieces_take(
		    &m->private->pieces, cap * sizeof(struct message));
	*list = array->next;
	return (struct message *)(void *)array;
}

static void
release_array(struct model *m, struct message *v, uint32_t cap)
{
	struct message_array *array = (struct message_array *)(void *)v;

	if (cap > MESSAGES_IN_PIECE) {
		free(v);
	} else if (cap > 0) {
		array->next = *free_arrays(m, cap);
		*free_arrays(m, cap) = array;
	}
}

void
messages_resize(struct model *m, struct chat *c, uint32_t cap)
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
		messages_resize(m, c,
		    c->cap == 0   ? MESSAGES_LEAST
		    : c->cap < 16 ? 16
				  : 2 * c->cap);
	return &c->messages[c->n++];
}

size_t
messages_find(struct model *m, struct chat *c, int64_t at, message_id id)
{
	size_t i;

	if (c->n - c->sorted > UNSORTED) {
		i = timeline_sort(&m->private->derivation.timeline, c->messages,
		    c->n, c->sorted);
		if (i < c->clean)
			c->clean = (uint32_t)i;
		if (c->sorted < c->clean)
			c->clean = c->sorted;
		c->sorted = c->n;
	}
	for (i = c->n; i > c->sorted; i--)
		if (message_id_same(c->messages[i - 1].id, id))
			return i - 1;
	i = timeline_find(c->messages, c->sorted, at, id);
	return i < c->sorted ? i : c->n;
}

static void
add_message(struct model *m, struct chat *c, const struct message *new)
{
	*messages_append(m, c) = *new;
	chats_touch(m, c, true);
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
	int newer = message_compare_version(w, new, old);

	m->known_at = newer < 0 ? CLOCK_NONE : old->at;
	if (newer <= 0) {
		message_drop(w, new);
		return MODEL_DUPLICATE;
	}
	message_set_at(&now, old->at);
	/* Intervals already reported have the old message's id. */
	now.id = old->id;
	interner_drop(&w->names, old->user);
	interner_drop(&w->names, old->operator_id);
	if (new->id != now.id)
		message_id_drop(&w->message_ids, new->id);
	*old = now;
	if (i < c->clean)
		c->clean = (uint32_t)i;
	chats_touch(m, c, true);
	return MODEL_VERSION;
}

enum model_result
messages_take(struct model *m, struct chat *c, struct fingerprint f,
    const struct message *new)
{
	bool late = model_is_late(m, new->at);
	/* Identities that old are not kept. */
	enum dedup_found known =
	    late ? DEDUP_NEW : identities_add(m, f, new->at);
	size_t i = c->n;

	if (late || known != DEDUP_NEW)
		i = messages_find(m, c, new->at, new->id);
	if (i < c->n && (late || !model_is_late(m, c->messages[i].at)))
		return revise_message(m, c, i, new);
	/* The time of its first version is older than the window, so the
	 * message is, too. A message that is no longer kept is at least that
	 * old. */
	if (i < c->n || known == DEDUP_KNOWN) {
		message_drop(&m->lexicon, new);
		return MODEL_LATE;
	}
	add_message(m, c, new);
	return MODEL_NEW;
}

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
messages_keep_text(struct model *m, const struct record *r)
{
	char key[TEXT_KEY];
	size_t len = text_key(key, r->chat, r->id, r->updated_at);
	void **slot = strmap_put(&m->private->texts, key, len);
	char *text = text_dup(r->text);

	/* The greater text is kept, so that the order of arrival does not
	 * matter. */
	if (*slot == NULL || strcmp(text, *slot) > 0) {
		free(*slot);
		*slot = text;
	} else {
		free(text);
	}
}

struct text
model_text(
    const struct model *m, const struct chat *c, const struct message *message)
{
	char key[TEXT_KEY], buf[MESSAGE_ID_TEXT];
	struct text t, id =
	    message_id_text(&m->lexicon.message_ids, message->id, buf);

	t.p = strmap_get(&m->private->texts, key,
	    text_key(key, chat_id(c), id, message_updated_at(message)));
	t.len = t.p != NULL ? strlen(t.p) : 0;
	return t;
}
