/*
 * model: takes records in; see model.h. What is derived from them stands in
 * model_recompute.c.
 */
#include "aggregator/model/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/xalloc.h"

void
model_init(struct model *m, struct text tenant, bool stream, int64_t as_of)
{
	/* One for all models of the process, so that identities can go from
	 * one to the other. */
	static struct dedup_seed seed;
	static bool seeded;
	size_t i;

	if (!seeded)
		seed = dedup_new_seed();
	seeded = true;
	memset(m, 0, sizeof *m);
	m->tenant = text_dup(tenant);
	m->stream = stream;
	m->as_of = as_of;
	m->seed = seed;
	m->totals.longest_wait = STATS_NONE;
	for (i = 0; i < BUCKETS; i++)
		m->whole_at[i] = CLOCK_NONE;
	lexicon_init(&m->lexicon);
	m->private = xcalloc(1, sizeof *m->private);
	m->private->hash_seed = random_64();
}

void
model_release(struct model *m)
{
	struct model_private *p = m->private;
	size_t i;

	for (i = 0; i < m->operators_n; i++) {
		order_stats_release(&m->operators[i]->responses);
		order_stats_release(&m->operators[i]->waits);
		free(m->operators[i]);
	}
	free(m->operators);
	free(m->changes.operators);
	order_stats_release(&m->totals.waits);
	chats_free_all(m);
	slab_release(&p->slab);
	events_free(m);
	dedup_release(&p->seen);
	strmap_release(&p->texts, free);
	free(p->fresh);
	free(p->pending);
	free(p->said);
	free(p->lives);
	free(p->marks);
	free(p->people.keys);
	free(p->people.serials);
	free(p->intervals);
	free(p->credits);
	free(p);
	lexicon_release(&m->lexicon);
	free(m->tenant);
	memset(m, 0, sizeof *m);
}

struct operator_info *
model_operator(struct model *m, uint32_t id)
{
	struct name *name = interner_at(&m->lexicon.names, id);
	struct operator_info *o = name->operator_info;

	if (o != NULL)
		return o;
	o = xcalloc(1, sizeof *o);
	o->id = id;
	o->reported_open_chats = RECORD_NO_NUMBER;
	interner_hold(&m->lexicon.names, id);
	XGROW(m->operators, m->operators_n, m->operators_cap);
	m->operators[m->operators_n++] = o;
	name->operator_info = o;
	return o;
}

void
model_touch_operator(struct model *m, struct operator_info *o)
{
	struct model_changes *to = &m->changes;

	if (o->changed || !m->lasting)
		return;
	o->changed = true;
	XGROW(to->operators, to->operators_n, to->operators_cap);
	to->operators[to->operators_n++] = o;
}

void
model_list_operator(struct model *m, struct operator_info *o, bool listed)
{
	if (o->listed != listed) {
		m->totals.operators += listed ? 1 : SIZE_MAX;
		m->changes.totals = true;
	}
	o->listed = listed;
	model_touch_operator(m, o);
}

/* Of two records of one operator the later line counts: they have no time. */
static void
add_operator_record(struct model *m, const struct record *r)
{
	struct interner *n = &m->lexicon.names;
	uint32_t id = interner_get(n, r->operator_id), old;
	struct operator_info *o = model_operator(m, id);

	interner_drop(n, id);
	/* What a stream does not tell anew, such as who comes and goes, is as
	 * it was. */
	if (r->name.p != NULL) {
		old = o->name;
		o->name = interner_get(n, r->name);
		interner_drop(n, old);
	}
	o->nameless = r->name.p == NULL && !m->stream;
	if (r->has_available || !m->stream) {
		o->available = r->available;
		o->has_available = r->has_available;
	}
	if (r->reported_open_chats != RECORD_NO_NUMBER || !m->stream)
		o->reported_open_chats = r->reported_open_chats;
	model_list_operator(m, o, true);
}

static void
add_chat_record(struct model *m, const struct record *r)
{
	struct interner *n = &m->lexicon.names;
	struct chat *c = chats_get(m, r->chat);
	struct description d = { .next = NULL };

	chats_load(m, c);
	d.at = r->at != CLOCK_NONE ? r->at : r->opened_at;
	d.opened_at = r->opened_at;
	d.status = r->status;
	d.closed_at = CLOCK_NONE;
	if (r->status == CHAT_CLOSED)
		d.closed_at = r->closed_at != CLOCK_NONE ? r->closed_at : d.at;
	d.holder = interner_get(n, r->operator_id);
	d.channel = interner_get(n, r->channel);
	d.customer = interner_get(n, r->customer);
	d.customer_name = interner_get(n, r->customer_name);
	d.customer_phone = interner_get(n, r->customer_phone);
	d.tag = interner_get(n, r->tag);
	chats_add_description(m, c, &d);
	chats_touch(m, c, true);
}

struct message *
model_append(struct model *m, struct chat *c)
{
	if (c->n == c->cap)
		c->messages =
		    slab_grow(&m->private->slab, c->messages, c->n, &c->cap);
	return &c->messages[c->n++];
}

/* How many messages may be out of order before they are sorted to look for
 * one. */
#define UNSORTED 64

size_t
model_find_message(struct model *m, struct chat *c, int64_t at, message_id id)
{
	size_t i;

	if (c->n - c->settled > UNSORTED) {
		i = timeline_sort(&m->lexicon, c->messages, c->n, c->settled);
		if (i < c->clean)
			c->clean = (uint32_t)i;
		if (c->settled < c->clean)
			c->clean = c->settled;
		c->settled = c->n;
	}
	for (i = c->n; i > c->settled; i--)
		if (message_id_same(c->messages[i - 1].id, id))
			return i - 1;
	i = timeline_find(&m->lexicon, c->messages, c->settled, at, id);
	return i < c->settled ? i : c->n;
}

bool
model_has(struct model *m, struct chat *c, const struct message *x)
{
	return model_find_message(m, c, x->at, x->id) < c->n;
}

/* Keeps what a later version takes the place of. */
static void
save_replaced(struct model *m, const struct message *old)
{
	struct interner *n = &m->lexicon.names;

	interner_hold(n, old->user);
	interner_hold(n, old->operator_id);
	interner_drop(n, m->replaced.user);
	interner_drop(n, m->replaced.operator_id);
	m->replaced = *old;
	m->replaces = true;
}

bool
model_is_aside(
    const struct model *m, const struct message *new, const struct message *old)
{
	int c = message_compare_version(&m->lexicon, new, old);

	return c < 0 ||
	       (c > 0 && new->updated == old->updated &&new->at != old->at);
}

enum model_taken
model_revise(struct model *m, struct chat *c, const struct message *new)
{
	size_t i = model_find_message(m, c, new->at, new->id);
	struct lexicon *w = &m->lexicon;
	struct message *old;
	message_id id;

	/* Not there: it was forgotten, and comes back with another time. */
	if (i == c->n) {
		*model_append(m, c) = *new;
		chats_touch(m, c, true);
		return MODEL_VERSION;
	}
	old = &c->messages[i];
	m->aside = model_is_aside(m, new, old);
	if (message_compare_version(w, new, old) <= 0) {
		message_drop(w, new);
		return MODEL_AGAIN;
	}
	save_replaced(m, old);
	/* What was told of points to the old one's id. */
	id = old->id;
	interner_drop(&w->names, old->user);
	interner_drop(&w->names, old->operator_id);
	if (new->id != id)
		message_id_drop(&w->message_ids, new->id);
	*old = *new;
	old->id = id;
	if (i < c->settled)
		c->settled = (uint32_t)i;
	if (i < c->clean)
		c->clean = (uint32_t)i;
	chats_touch(m, c, true);
	return MODEL_VERSION;
}

/* Versions of one message may have texts of their own. */
#define TEXT_KEY (MESSAGE_ID_TEXT + 16 + RECORD_MAX_ID + 1)

static size_t
text_key(char key[TEXT_KEY], struct text chat, struct text id, int64_t at,
    int64_t updated)
{
	memcpy(key, &at, 8);
	memcpy(key + 8, &updated, 8);
	memcpy(key + 16, chat.p, chat.len);
	key[16 + chat.len] = '\0';
	memcpy(key + 17 + chat.len, id.p, id.len);
	return 17 + chat.len + id.len;
}

static void
keep_text(struct model *m, const struct record *r)
{
	char key[TEXT_KEY];
	size_t len = text_key(key, r->chat, r->id, r->at, r->updated_at);
	void **slot = strmap_put(&m->private->texts, key, len);
	char *text = text_dup(r->text);

	/* So that the order of arrival never matters. */
	if (*slot == NULL || strcmp(text, *slot) > 0) {
		free(*slot);
		*slot = text;
	} else {
		free(text);
	}
}

const char *
model_text(
    const struct model *m, const struct chat *c, const struct message *message)
{
	char key[TEXT_KEY], buf[MESSAGE_ID_TEXT];
	struct text id =
	    message_id_text(&m->lexicon.message_ids, message->id, buf);

	return strmap_get(&m->private->texts, key,
	    text_key(
		key, chat_id(c), id, message->at, message_updated_at(message)));
}

static void
remember_message(struct model *m, struct fingerprint f, int64_t at)
{
	struct model_private *p = m->private;
	struct fresh_id *x;

	if (!m->lasting)
		return;
	XGROW(p->fresh, p->fresh_n, p->fresh_cap);
	x = &p->fresh[p->fresh_n++];
	memset(x, 0, sizeof *x);
	x->f = f;
	x->span = model_span(m, at);
}

struct fingerprint
model_identity(struct model *m, struct text chat, struct text id)
{
	struct dedup *s = &m->private->seen;
	struct fingerprint f;

	if (s->width == 0)
		dedup_init(s, m->seed, 0);
	f = dedup_fingerprint(s, chat, id);
	dedup_prefetch(s, f);
	return f;
}

bool
model_is_new(struct model *m, struct fingerprint f, int64_t at)
{
	if (!dedup_add(&m->private->seen, f, model_span(m, at)))
		return false;
	remember_message(m, f, at);
	return true;
}

void
model_expire(struct model *m)
{
	uint16_t oldest = model_span(m, m->as_of - m->window);

	dedup_expire(&m->private->seen, oldest);
	dedup_expire(&m->private->dedup_events, oldest);
}

void
model_restore_id(struct model *m, struct fingerprint f, uint16_t span)
{
	struct dedup *s = &m->private->seen;

	if (s->width == 0)
		dedup_init(s, m->seed, 0);
	(void)dedup_add(s, f, span);
}

static enum model_taken
add_message_record(struct model *m, const struct record *r)
{
	bool late = model_is_late(m, r->at);
	struct message new;
	struct fingerprint f;
	struct chat *c;

	if (m->no_clocks) {
		f = model_identity(m, r->chat, r->id);
		return model_is_new(m, f, r->at) ? MODEL_NEW : MODEL_AGAIN;
	}
	if (r->text.p != NULL &&
	    (m->keeps_texts ||
		(m->text_of != NULL && text_is(r->chat, m->text_of))))
		keep_text(m, r);
	if (!m->prompt && !m->lasting) {
		pending_add(m, r);
		return MODEL_NEW;
	}
	f = model_identity(m, r->chat, r->id);
	c = chats_get(m, r->chat);
	chats_load(m, c);
	message_read(&m->lexicon, &new, r);
	message_name(&m->lexicon, &new, r->user, r->operator_id, c->near);
	/* Identities of that age are not kept. */
	if (late ? model_has(m, c, &new) : !model_is_new(m, f, r->at))
		return model_revise(m, c, &new);
	*model_append(m, c) = new;
	chats_touch(m, c, true);
	return MODEL_NEW;
}

/* When a record says that things stood so. */
static int64_t
told_at(const struct record *r)
{
	return r->type == RECORD_CHAT && r->at == CLOCK_NONE ? r->opened_at
							     : r->at;
}

/* The clock is asked only when a tenant's time jumps; its first record says
 * what time it has. */
static bool
is_ahead(const struct model *m, int64_t at)
{
	return m->ahead > 0 && m->as_of != CLOCK_NONE &&
	       at > m->as_of + m->ahead && at > clock_now_ms() + m->ahead;
}

/* What is now, for the tenant. CLOCK_NONE is below every time. */
static void
advance_as_of(struct model *m, int64_t at)
{
	if (m->stream && at > m->as_of)
		m->as_of = at;
}

static enum model_taken
add_dated(struct model *m, const struct record *r)
{
	enum model_taken taken;

	/* What is known from earlier was in time then. */
	if (!r->stale && r->at != CLOCK_NONE && model_is_late(m, r->at))
		return MODEL_LATE;
	if (!m->prompt && !m->lasting &&
	    (r->type == RECORD_EVENT ? m->no_events : m->no_clocks))
		taken = MODEL_SKIPPED;
	else
		taken = r->type == RECORD_EVENT ? events_add(m, r)
						: add_message_record(m, r);
	advance_as_of(m, r->at);
	return taken;
}

enum model_taken
model_add(struct model *m, const struct record *r)
{
	int64_t at = told_at(r);

	m->replaces = false;
	m->aside = false;
	/* What is said about a message is none, and happened at no time. */
	if (r->type == RECORD_MESSAGE && r->about)
		return MODEL_SKIPPED;
	if (is_ahead(m, at))
		return MODEL_AHEAD;
	switch (r->type) {
	case RECORD_MESSAGE:
	case RECORD_EVENT:
		return add_dated(m, r);
	case RECORD_OPERATOR:
		if (m->no_clocks)
			return MODEL_SKIPPED;
		add_operator_record(m, r);
		return MODEL_NEW;
	case RECORD_CHAT:
		if (!r->stale && at != CLOCK_NONE && model_is_late(m, at))
			return MODEL_LATE;
		if (!m->no_clocks)
			add_chat_record(m, r);
		advance_as_of(m, at);
		return MODEL_NEW;
	case RECORD_CLOCK:
		if (at <= m->as_of)
			return MODEL_AGAIN;
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
	/* Even of these the tenant's newest `at` is known. */
	advance_as_of(m, r->at);
	return MODEL_SKIPPED;
}

struct text
operator_id(const struct model *m, const struct operator_info *o)
{
	return model_name(m, o->id);
}

struct text
operator_name(const struct model *m, const struct operator_info *o)
{
	struct text none = { NULL, 0 };

	return o->listed && o->nameless ? none : model_name(m, o->name);
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
	return i->said
		   ? empty
		   : message_id_text(&m->lexicon.message_ids, i->message, buf);
}
