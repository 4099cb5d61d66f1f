/*
 * model: takes records; see model.h. model_recompute.c derives the figures.
 * Messages are appended to their chats; a later version of a known message
 * replaces it.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/digest/random.h"

/* With this many messages, a chat gets an index of their ids: searches in it
 * would take a time that grows with the square of their number. */
#define INDEXED 4096

void
model_init(struct model *m, struct text tenant)
{
	size_t i;

	memset(m, 0, sizeof *m);
	m->tenant = text_dup(tenant);
	m->as_of = m->now = m->since = CLOCK_NONE;
	m->snapshot_at = CLOCK_NONE;
	m->seed = random_64();
	m->totals.longest_wait = TALLY_NONE;
	for (i = 0; i < BUCKETS; i++)
		m->whole_at[i] = CLOCK_NONE;
	lexicon_init(&m->lexicon);
	m->private = xcalloc(1, sizeof *m->private);
}

void
model_release(struct model *m)
{
	struct model_private *p = m->private;

	model_operators_free(m);
	order_stats_release(&m->totals.waits);
	chats_free_all(m);
	arena_release(&p->arena);
	dedup_release(&p->events);
	strmap_release(&p->texts, free);
	derivation_release(&p->derivation);
	free(p);
	lexicon_release(&m->lexicon);
	free(m->tenant);
	memset(m, 0, sizeof *m);
}

struct dedup *
model_events(const struct model *m)
{
	struct dedup *s = &m->private->events;

	if (!s->open) {
		dedup_init(s, m->seed, m->window);
		s->lists = m->incremental;
	}
	return s;
}

/* Lists the chat in the snapshot before its first record there. */
static void
list_in_snapshot(struct model *m, struct chat *c)
{
	if (c->listed_at >= m->snapshot_at)
		return;
	chats_recompute_before(m, c, NULL);
	c->listed_at = m->snapshot_at;
	chats_touch(m, c, true);
}

/* Returns the chat of the record, with its messages. */
static struct chat *
get_chat(struct model *m, const struct record *r)
{
	struct chat *c = chats_get(m, r->chat);

	chats_load(m, c);
	if (model_in_snapshot(m))
		list_in_snapshot(m, c);
	return c;
}

/* In a snapshot, a chat without a time has the time at which the CRM was
 * asked. */
static int64_t
time_of(const struct model *m, const struct record *r)
{
	if (model_in_snapshot(m) && r->type == RECORD_CHAT &&
	    r->at == CLOCK_NONE)
		return m->snapshot_at;
	return model_record_time(r);
}

static enum model_result
add_chat(struct model *m, const struct record *r)
{
	struct interner *n = &m->lexicon.names;
	struct description d = { .next = NULL };
	struct chat *c;

	if (m->no_clocks)
		return MODEL_NEW;
	c = get_chat(m, r);
	d.at = time_of(m, r);
	d.opened_at = r->opened_at;
	d.status = r->status;
	d.closed_at = CLOCK_NONE;
	if (r->status == CHAT_CLOSED)
		d.closed_at = r->closed_at != CLOCK_NONE ? r->closed_at : d.at;
	d.assignee = interner_get(n, r->operator_id);
	d.channel = interner_get(n, r->channel);
	d.customer = interner_get(n, r->customer);
	d.customer_name = interner_get(n, r->customer_name);
	d.customer_phone = interner_get(n, r->customer_phone);
	d.tag = interner_get(n, r->tag);
	d.tags = interner_get(n, r->tags);
	/* Its first messages are probably from the assignee and the
	 * customer. */
	if (c->name_hints[0] == 0)
		c->name_hints[0] = d.customer;
	if (c->name_hints[1] == 0)
		c->name_hints[1] = d.assignee;
	chats_recompute_before(m, c, &d);
	chats_add_description(m, c, &d);
	chats_touch(m, c, true);
	return MODEL_NEW;
}

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

void
messages_moved(struct chat *c)
{
	free(c->ids);
	c->ids = NULL;
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
	message_id_drop(&w->message_ids, new->id);
	*old = now;
	if (i < c->clean)
		c->clean = (uint32_t)i;
	chats_touch(m, c, true);
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
	return !m->incremental && m->follower == NULL;
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
	model_note_id(c, new->id);
	chats_touch(m, c, true);
	return MODEL_NEW;
}

void
messages_identify(struct model *m, struct chat *c)
{
	uint32_t i, n = c->n;
	struct message x;

	if (!identifies_later(m))
		return;
	messages_moved(c);
	c->n = 0;
	for (i = 0; i < n; i++) {
		x = c->messages[i];
		(void)take_message(m, c, &x);
	}
	messages_moved(c);
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

static void
keep_text(struct model *m, const struct record *r)
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
	struct text t,
	    id = message_id_text(&m->lexicon.message_ids, message->id, buf);

	t.p = strmap_get(&m->private->texts, key,
	    text_key(key, chat_id(c), id, message_updated_at(message)));
	t.len = t.p != NULL ? strlen(t.p) : 0;
	return t;
}

/* Sets *to to the message's chat, unless the model has no chats. */
static enum model_result
add_message(struct model *m, const struct record *r, struct chat **to)
{
	struct message new;
	struct chat *c;

	if (m->no_clocks)
		return MODEL_SKIPPED;
	if (r->text.p != NULL && m->text_of != NULL &&
	    text_is(r->chat, m->text_of))
		keep_text(m, r);
	c = *to = get_chat(m, r);
	message_read(&m->lexicon, &new, r, c->name_hints);
	if (!identifies_later(m))
		return take_message(m, c, &new);
	*messages_append(m, c) = new;
	return MODEL_NEW;
}

/* CLOCK_NONE is before every time. Events expire here, so the result does not
 * depend on when a flush happens. The tenant's first time is also that of
 * the events before it. */
void
model_pass_time(struct model *m, int64_t at)
{
	bool first = m->as_of == CLOCK_NONE;

	if (at <= m->as_of)
		return;
	m->as_of = at;
	if (first)
		m->since = model_by_clock(m, at);
	if (first && m->incremental)
		dedup_date_all(model_events(m), at);
	if (m->incremental)
		dedup_expire(model_events(m), at);
}

/* The first event with an id counts. Events without a user are skipped. */
static enum model_result
add_event(struct model *m, const struct record *r)
{
	struct dedup *s = model_events(m);
	int64_t at = r->at;

	if (r->user.p == NULL || m->no_events)
		return MODEL_SKIPPED;
	/* An event without a time is as old as the newest record, or as the
	 * first one that will have a time: see model_pass_time(). */
	if (at == CLOCK_NONE)
		at = m->as_of != CLOCK_NONE ? m->as_of : 0;
	return dedup_add(s, dedup_fingerprint(s, r->id), at) ? MODEL_NEW
							     : MODEL_DUPLICATE;
}

static enum model_result
add_operator(struct model *m, const struct record *r)
{
	if (m->no_clocks)
		return MODEL_SKIPPED;
	return model_operators_add(m, r) ? MODEL_NEW : MODEL_DUPLICATE;
}

/* True if it is older than the window. Other types have their effect at any
 * time. */
static bool
is_refused_as_late(const struct model *m, enum record_type type, int64_t at)
{
	return at != CLOCK_NONE && model_is_late(m, at) &&
	       (type == RECORD_MESSAGE || type == RECORD_EVENT ||
		   type == RECORD_CHAT || type == RECORD_OPERATOR);
}

enum model_result
model_add(struct model *m, const struct record *r)
{
	enum model_result result = MODEL_SKIPPED;
	int64_t at = time_of(m, r);
	struct chat *c = NULL;

	m->known_at = r->at;
	/* A record about a message is not itself a message and has no time. */
	if (r->type == RECORD_MESSAGE && r->about)
		return MODEL_SKIPPED;
	if (!model_in_snapshot(m) && is_refused_as_late(m, r->type, at))
		return MODEL_LATE;
	switch (r->type) {
	case RECORD_MESSAGE:
		result = add_message(m, r, &c);
		break;
	case RECORD_EVENT:
		result = add_event(m, r);
		break;
	case RECORD_OPERATOR:
		result = add_operator(m, r);
		break;
	case RECORD_CHAT:
		result = add_chat(m, r);
		break;
	case RECORD_UNKNOWN:
	case RECORD_SNAPSHOT:
	case RECORD_VIEW:
	case RECORD_ASSIGNMENT:
	case RECORD_LIMIT:
	case RECORD_ROW:
	case RECORD_TYPES:
		break;
	}
	if (!model_in_snapshot(m))
		model_pass_time(m, at);
	/* A new message is the last of its chat. */
	if (c != NULL && result == MODEL_NEW && m->follower != NULL &&
	    !model_is_late(m, at))
		m->follower->message(
		    m->follower_ctx, m, c, &c->messages[c->n - 1], r->text);
	return result;
}

struct text
interval_operator(const struct model *m, const struct interval *i)
{
	return model_name(m, i->operator_id);
}

struct text
interval_message(
    const struct model *m, const struct interval *i, char buf[MESSAGE_ID_TEXT])
{
	struct text none = { NULL, 0 }, empty = { "", 0 };

	if (i->running)
		return none;
	return i->by_record
		   ? empty
		   : message_id_text(&m->lexicon.message_ids, i->message, buf);
}
