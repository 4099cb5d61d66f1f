/*
 * model: takes records in; see model.h. What is derived from them stands in
 * settle.c.
 */
#include "aggregator/model.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

void
model_init(struct model *m, struct text tenant, bool stream, int64_t as_of)
{
	memset(m, 0, sizeof *m);
	m->tenant = text_dup(tenant);
	m->stream = stream;
	m->as_of = as_of;
	m->chat_map = (struct strmap)STRMAP_INIT;
	m->event_map = (struct strmap)STRMAP_INIT;
	names_init(&m->names, &m->arena);
}

void
model_release(struct model *m)
{
	size_t i;

	for (i = 0; i < m->chats_n; i++) {
		free(m->chats[i]->messages);
		sample_release(&m->chats[i]->responses);
	}
	for (i = 0; i < m->operators_n; i++) {
		sample_release(&m->operators[i]->responses);
		sample_release(&m->operators[i]->first_responses);
	}
	free(m->chats);
	free(m->operators);
	free(m->events);
	free(m->tenant);
	sample_release(&m->totals.responses);
	strmap_release(&m->chat_map, NULL);
	strmap_release(&m->event_map, NULL);
	names_release(&m->names);
	arena_release(&m->arena);
	memset(m, 0, sizeof *m);
}

static struct chat *
get_chat(struct model *m, struct text id)
{
	struct chat *c = m->last_chat;
	void **slot;

	if (c != NULL && c->id->len == id.len &&
	    memcmp(c->id->p, id.p, id.len) == 0)
		return c;
	slot = strmap_put(&m->chat_map, id.p, id.len);
	if (*slot == NULL) {
		c = arena_take(&m->arena, sizeof *c);
		c->id = names_get(&m->names, id);
		XGROW(m->chats, m->chats_n, m->chats_cap);
		m->chats[m->chats_n++] = c;
		*slot = c;
	}
	m->last_chat = *slot;
	return *slot;
}

struct chat *
model_find_chat(const struct model *m, const char *id)
{
	return strmap_get(&m->chat_map, id, strlen(id));
}

struct operator_info *
model_operator(struct model *m, struct name *id)
{
	struct operator_info *o = id->operator_info;

	if (o != NULL)
		return o;
	o = arena_take(&m->arena, sizeof *o);
	o->id = id;
	o->reported_open_chats = RECORD_NO_NUMBER;
	o->longest_wait = STATS_NONE;
	XGROW(m->operators, m->operators_n, m->operators_cap);
	m->operators[m->operators_n++] = o;
	id->operator_info = o;
	return o;
}

/* Of two records of one operator the later line counts: they have no time. */
static void
add_operator(struct model *m, const struct record *r)
{
	struct operator_info *o =
	    model_operator(m, names_get(&m->names, r->operator_id));

	o->listed = true;
	o->name = names_get(&m->names, r->name);
	o->available = r->available;
	o->has_available = r->has_available;
	o->reported_open_chats = r->reported_open_chats;
}

static void
add_chat(struct model *m, const struct record *r)
{
	struct chat *c = get_chat(m, r->chat);
	struct description *d = arena_take(&m->arena, sizeof *d);

	d->next = c->descriptions;
	c->descriptions = d;
	d->at = r->at != CLOCK_NONE ? r->at : r->opened_at;
	d->opened_at = r->opened_at;
	d->status = r->status;
	d->holder = names_get(&m->names, r->operator_id);
	d->channel = names_get(&m->names, r->channel);
	d->customer = names_get(&m->names, r->customer);
	d->customer_name = names_get(&m->names, r->customer_name);
	d->customer_phone = names_get(&m->names, r->customer_phone);
	d->tag = names_get(&m->names, r->tag);
}

static enum message_kind
kind_of(const struct record *r)
{
	static const struct {
		const char *name;
		enum message_kind kind;
	} kinds[] = {
		{ "opened", KIND_OPENED },
		{ "closed", KIND_CLOSED },
		{ "assigned", KIND_ASSIGNED },
		{ "handoff", KIND_HANDOFF },
	};
	size_t i;

	if (r->from != FROM_SYSTEM)
		return KIND_OTHER;
	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (text_is(r->kind, kinds[i].name))
			return kinds[i].kind;
	return KIND_OTHER;
}

static void
add_message(struct model *m, const struct record *r)
{
	struct chat *c = get_chat(m, r->chat);
	struct message *to;

	XGROW(c->messages, c->n, c->cap);
	to = &c->messages[c->n++];
	to->at = r->at;
	to->updated_at = r->updated_at;
	to->id = arena_copy(&m->arena, r->id.p, r->id.len);
	to->id_len = (uint8_t)r->id.len;
	to->user = names_get(&m->names, r->user);
	to->operator_id = names_get(&m->names, r->operator_id);
	to->kind = names_get(&m->names, r->kind);
	to->from = (uint8_t)r->from;
	to->is = (uint8_t)kind_of(r);
	to->is_private = r->is_private;
	to->automated = r->automated;
	to->text = NULL;
	if (m->text_of != NULL && r->text.p != NULL &&
	    strcmp(m->text_of, c->id->p) == 0)
		to->text = arena_copy(&m->arena, r->text.p, r->text.len);
}

/* Of two records of one event the greater counts, whichever came first. */
static void
put_event(struct model *m, struct text id, int64_t at, struct name *user,
    struct name *what)
{
	void **slot = strmap_put(&m->event_map, id.p, id.len);
	struct event *e = *slot, new = { at, user, what };
	int c = 1;

	if (e == NULL) {
		e = arena_take(&m->arena, sizeof *e);
		XGROW(m->events, m->events_n, m->events_cap);
		m->events[m->events_n++] = e;
		*slot = e;
	} else {
		c = (at > e->at) - (at < e->at);
		if (c == 0)
			c = name_compare_bytes(user, e->user);
		if (c == 0)
			c = name_compare_bytes(what, e->event);
	}
	if (c > 0)
		*e = new;
}

enum model_taken
model_add(struct model *m, const struct record *r)
{
	enum model_taken taken = MODEL_NEW;
	int64_t at = r->at;

	switch (r->type) {
	case RECORD_OPERATOR:
		add_operator(m, r);
		break;
	case RECORD_CHAT:
		add_chat(m, r);
		if (at == CLOCK_NONE)
			at = r->opened_at;
		break;
	case RECORD_MESSAGE:
		add_message(m, r);
		break;
	case RECORD_EVENT:
		put_event(m, r->id, r->at, names_get(&m->names, r->user),
		    names_get(&m->names, r->event));
		break;
	case RECORD_UNKNOWN:
	case RECORD_SNAPSHOT:
	case RECORD_VIEW:
	case RECORD_ASSIGNMENT:
	case RECORD_ROW:
	case RECORD_TYPES:
		taken = MODEL_SKIPPED;
		break;
	}
	/* CLOCK_NONE is below every time. */
	if (m->stream && at > m->as_of)
		m->as_of = at;
	return taken;
}

struct text
chat_id(const struct chat *c)
{
	return name_text(c->id);
}

struct text
operator_id(const struct operator_info *o)
{
	return name_text(o->id);
}

struct text
chat_channel(const struct model *m, const struct chat *c)
{
	(void)m;
	return name_text(c->now.channel);
}

struct text
event_user(const struct model *m, const struct event_count *e)
{
	(void)m;
	return name_text(e->user);
}

struct text
event_name(const struct model *m, const struct event_count *e)
{
	(void)m;
	return name_text(e->event);
}

struct text
interval_operator(const struct model *m, const struct interval *i)
{
	(void)m;
	return name_text(i->operator_id);
}

/* The same name among the names of another model. */
static struct name *
translate(struct model *to, const struct name *n)
{
	return names_get(&to->names, name_text(n));
}

static void
copy_chat(struct model *to, const struct chat *from)
{
	struct chat *c = get_chat(to, name_text(from->id));
	const struct description *d;
	size_t i;

	for (d = from->descriptions; d != NULL; d = d->next) {
		struct description *new = arena_take(&to->arena, sizeof *new);

		*new = *d;
		new->next = c->descriptions;
		c->descriptions = new;
		new->holder = translate(to, d->holder);
		new->channel = translate(to, d->channel);
		new->customer = translate(to, d->customer);
		new->customer_name = translate(to, d->customer_name);
		new->customer_phone = translate(to, d->customer_phone);
		new->tag = translate(to, d->tag);
	}
	for (i = 0; i < from->n; i++) {
		struct message *m;

		XGROW(c->messages, c->n, c->cap);
		m = &c->messages[c->n++];
		*m = from->messages[i];
		m->id = arena_copy(&to->arena, m->id, m->id_len);
		m->user = translate(to, m->user);
		m->operator_id = translate(to, m->operator_id);
		m->kind = translate(to, m->kind);
		if (m->text != NULL)
			m->text =
			    arena_copy(&to->arena, m->text, strlen(m->text));
	}
}

static void
copy_operator(struct model *to, const struct operator_info *from)
{
	struct operator_info *o = model_operator(to, translate(to, from->id));

	if (o->listed || !from->listed)
		return;
	o->listed = true;
	o->name = translate(to, from->name);
	o->available = from->available;
	o->has_available = from->has_available;
	o->reported_open_chats = from->reported_open_chats;
}

void
model_copy(struct model *to, const struct model *from)
{
	const struct strmap_entry *e;
	const struct event *event;
	size_t i;

	for (i = 0; i < from->operators_n; i++)
		copy_operator(to, from->operators[i]);
	for (i = 0; i < from->chats_n; i++)
		copy_chat(to, from->chats[i]);
	for (i = 0; (e = strmap_next(&from->event_map, &i)) != NULL;) {
		struct text id = { e->key, e->key_len };

		event = e->value;
		put_event(to, id, event->at, translate(to, event->user),
		    translate(to, event->event));
	}
	if (from->as_of > to->as_of)
		to->as_of = from->as_of;
}
