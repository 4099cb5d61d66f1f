/*
 * model_pack: see model_pack.h. What is stored of a tenant, an operator and a
 * chat is in tables of fields, in the order of their bytes; what repeats
 * follows them. Each change to a layout needs a new version of the state
 * (aggregator/state/state.c).
 */
#include "aggregator/model/model_pack.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

#include "aggregator/model/chat_credits.h"
#include "aggregator/model/chat_descriptions.h"
#include "aggregator/model/chat_table.h"
#include "aggregator/model/derive.h"
#include "aggregator/model/drop_chats.h"
#include "aggregator/model/model_private.h"
#include "aggregator/model/operator_change.h"

enum field_type {
	TYPE_SIGNED, /* int64_t */
	TYPE_COUNT,  /* uint32_t */
	TYPE_FLAG,   /* bool */
	TYPE_NAME,   /* uint32_t, packed as text; a name that is read is held */
	TYPE_STATUS, /* enum chat_status */
	TYPE_STATUS_BYTE, /* the same in one byte */
};

struct field {
	enum field_type type;
	size_t at; /* offset in the struct */
};

static const struct field tenant_fields[] = {
	{ TYPE_SIGNED, offsetof(struct model, as_of) },
	{ TYPE_SIGNED, offsetof(struct model, since) },
	{ TYPE_SIGNED, offsetof(struct model, ahead) },
	{ TYPE_SIGNED, offsetof(struct model, newest_snapshot_at) },
};

static const struct field operator_fields[] = {
	{ TYPE_NAME, offsetof(struct operator_info, name) },
	{ TYPE_NAME, offsetof(struct operator_info, tags) },
	{ TYPE_SIGNED, offsetof(struct operator_info, max_chats) },
	{ TYPE_SIGNED, offsetof(struct operator_info, reported_open_chats) },
	{ TYPE_FLAG, offsetof(struct operator_info, listed) },
	{ TYPE_FLAG, offsetof(struct operator_info, available) },
	{ TYPE_FLAG, offsetof(struct operator_info, has_available) },
	{ TYPE_FLAG, offsetof(struct operator_info, nameless) },
	{ TYPE_FLAG, offsetof(struct operator_info, by_snapshot) },
	{ TYPE_SIGNED, offsetof(struct operator_info, available_at) },
	{ TYPE_SIGNED, offsetof(struct operator_info, at) },
};

static const struct field description_fields[] = {
	{ TYPE_SIGNED, offsetof(struct description, at) },
	{ TYPE_SIGNED, offsetof(struct description, opened_at) },
	{ TYPE_SIGNED, offsetof(struct description, closed_at) },
	{ TYPE_STATUS, offsetof(struct description, status) },
	{ TYPE_NAME, offsetof(struct description, assignee) },
	{ TYPE_NAME, offsetof(struct description, channel) },
	{ TYPE_NAME, offsetof(struct description, customer) },
	{ TYPE_NAME, offsetof(struct description, customer_name) },
	{ TYPE_NAME, offsetof(struct description, customer_phone) },
	{ TYPE_NAME, offsetof(struct description, tag) },
	{ TYPE_NAME, offsetof(struct description, tags) },
};

/* Of the derived part, only what metrics and allocation read before the chat is
 * loaded. The other fields of `now` follow from the descriptions, and the
 * responses from the credits. */
static const struct field chat_fields[] = {
	{ TYPE_SIGNED, offsetof(struct chat, listed_at) },
	{ TYPE_STATUS, offsetof(struct chat, now.status) },
	{ TYPE_NAME, offsetof(struct chat, now.assignee) },
	{ TYPE_SIGNED, offsetof(struct chat, dropped.at) },
	{ TYPE_SIGNED, offsetof(struct chat, dropped.status_at) },
	{ TYPE_STATUS_BYTE, offsetof(struct chat, dropped.status) },
	{ TYPE_SIGNED, offsetof(struct chat, dropped.assignee_at) },
	{ TYPE_NAME, offsetof(struct chat, dropped.assignee) },
	{ TYPE_SIGNED, offsetof(struct chat, newest) },
	{ TYPE_SIGNED, offsetof(struct chat, figures.last_message_at) },
	{ TYPE_SIGNED, offsetof(struct chat, figures.waiting_since) },
	{ TYPE_SIGNED, offsetof(struct chat, figures.first_since) },
	{ TYPE_COUNT, offsetof(struct chat, figures.messages_counted) },
	{ TYPE_COUNT, offsetof(struct chat, figures.participants) },
};

/* Packs a name as its text; a name that is read is held. */
static void
code_name(struct pack *k, struct model *m, uint32_t *name)
{
	if (pack_reads(k))
		*name = interner_get(&m->lexicon.names, pack_text(k));
	else
		pack_put_text(k->to, model_name(m, *name));
}

static void
code_status(struct pack *k, enum chat_status *status)
{
	uint32_t n = *status;

	code_limited(k, &n, CHAT_GONE);
	*status = (enum chat_status)n;
}

static void
code_status_byte(struct pack *k, uint8_t *status)
{
	enum chat_status s = (enum chat_status) * status;

	code_status(k, &s);
	*status = (uint8_t)s;
}

/* Packs or unpacks one field of a struct. */
static void
code_field(struct pack *k, struct model *m, enum field_type type, void *at)
{
	switch (type) {
	case TYPE_SIGNED:
		code_signed(k, at);
		break;
	case TYPE_COUNT:
		code_limited(k, at, UINT32_MAX);
		break;
	case TYPE_FLAG:
		code_flag(k, at);
		break;
	case TYPE_NAME:
		code_name(k, m, at);
		break;
	case TYPE_STATUS:
		code_status(k, at);
		break;
	case TYPE_STATUS_BYTE:
		code_status_byte(k, at);
		break;
	}
}

static void
code_fields(struct pack *k, struct model *m, void *base,
    const struct field *fields, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		code_field(k, m, fields[i].type, (char *)base + fields[i].at);
}

#define CODE_FIELDS(k, m, base, fields)                                        \
	code_fields(k, m, base, fields, ARRAY_LEN(fields))

static void
code_tenant(struct pack *k, struct model *m)
{
	CODE_FIELDS(k, m, m, tenant_fields);
	coverage_code(k, &m->coverage);
}

void
model_pack_tenant(struct model *m, struct buf *to)
{
	struct pack k = pack_write(to);

	code_tenant(&k, m);
}

int
model_unpack_tenant(struct model *m, const void *p, size_t len)
{
	struct pack k = pack_open_bare(p, len);

	code_tenant(&k, m);
	chats_note_expired(m);
	return pack_end(&k);
}

void
model_pack_operator(struct model *m, struct operator_info *o, struct buf *to)
{
	struct pack k = pack_write(to);

	pack_put_text(to, model_name(m, o->id));
	CODE_FIELDS(&k, m, o, operator_fields);
}

int
model_unpack_operator(struct model *m, const void *p, size_t len)
{
	struct pack k = pack_open_bare(p, len);
	struct text id = pack_text(&k);
	struct operator_info *o;
	uint32_t number;

	if (k.bad || id.p == NULL)
		return -1;
	number = interner_get(&m->lexicon.names, id);
	o = operators_get(m, number);
	interner_drop(&m->lexicon.names, number);
	interner_drop(&m->lexicon.names, o->name);
	m->totals.operators -= o->listed;
	CODE_FIELDS(&k, m, o, operator_fields);
	m->totals.operators += o->listed;
	return pack_end(&k);
}

static bool
is_same_description(const struct description *a, const struct description *b)
{
	size_t i;

	if (b == NULL || b->at == CLOCK_NONE || a->status != b->status ||
	    a->opened_at != b->opened_at || a->closed_at != b->closed_at)
		return false;
	for (i = 0; i < DESCRIPTION_NAMES; i++)
		if (a->names[i] != b->names[i])
			return false;
	return true;
}

/* Adds a copy of the description after it. */
static void
repeat_description(struct model *m, struct chat *c, struct description *d)
{
	struct description *new = descriptions_new(m);
	size_t i;

	*new = *d;
	d->next = new;
	c->descriptions_n++;
	for (i = 0; i < DESCRIPTION_NAMES; i++)
		interner_hold(&m->lexicon.names, d->names[i]);
}

/* A run of descriptions that differ only in their times. A busy chat gets a
 * description with each message, but most of them are equal. Returns the last
 * one. */
static struct description *
code_run(struct pack *k, struct model *m, struct chat *c, struct description *d)
{
	struct description *x;
	uint64_t n = 0, age;

	CODE_FIELDS(k, m, d, description_fields);
	for (x = d; !pack_reads(k) && is_same_description(x, x->next);
	     x = x->next)
		n++;
	code_number(k, &n);
	for (; n > 0 && !k->bad; n--, d = d->next) {
		if (pack_reads(k))
			repeat_description(m, c, d);
		age = (uint64_t)d->at - (uint64_t)d->next->at;
		code_number(k, &age);
		d->next->at = (int64_t)((uint64_t)d->at - age);
	}
	return d;
}

/* Packs or unpacks the descriptions of a chat. */
static void
code_descriptions(struct pack *k, struct model *m, struct chat *c)
{
	struct description **at = &c->descriptions;
	bool more;

	for (;; at = &code_run(k, m, c, *at)->next) {
		more = *at != NULL;
		code_flag(k, &more);
		if (!more)
			return;
		if (!pack_reads(k))
			continue;
		*at = descriptions_new(m);
		**at = (struct description){ .next = NULL };
		c->descriptions_n++;
	}
}

static void
code_credit(struct pack *k, struct model *m, struct interval *x)
{
	bool first = x->kind == INTERVAL_FIRST_RESPONSE;

	code_signed(k, &x->ms);
	code_name(k, m, &x->operator_id);
	code_flag(k, &first);
	code_flag(k, &x->skewed);
	x->kind = first ? INTERVAL_FIRST_RESPONSE : INTERVAL_REPLY;
}

static void
put_credits(struct pack *k, struct model *m, struct chat *c)
{
	struct interval *x, *end = c->intervals + c->intervals_n;
	uint64_t n = 0;

	for (x = c->intervals; x < end; x++)
		n += x->credited;
	code_number(k, &n);
	for (x = c->intervals; x < end; x++)
		if (x->credited)
			code_credit(k, m, x);
}

/* Unpacks the data that operators and totals need until the chat is loaded. */
static void
unpack_credits(struct pack *k, struct model *m, struct chat *c)
{
	uint64_t n = pack_count(k, 4);
	struct interval *x;

	c->intervals = n > 0 ? xcalloc(n, sizeof *c->intervals) : NULL;
	for (; c->intervals_n < n; c->intervals_n++) {
		x = &c->intervals[c->intervals_n];
		code_credit(k, m, x);
		x->credited = true;
		tally_add(&c->figures.responses, x->ms);
		c->figures.skewed += x->skewed;
		if (x->kind == INTERVAL_FIRST_RESPONSE)
			c->figures.first_response = x->ms;
	}
}

/* The head of a chat; its id and its credits are packed before and after it. */
static void
code_head(struct pack *k, struct model *m, struct chat *c)
{
	uint32_t segments = (uint32_t)model_segments(c).to;

	code_descriptions(k, m, c);
	if (pack_reads(k))
		c->now = derive_description(c);
	CODE_FIELDS(k, m, c, chat_fields);
	code_limited(k, &segments, UINT32_MAX / MODEL_SEGMENT);
	if (pack_reads(k)) {
		c->stored = segments;
		c->loaded = false; /* chat records alone may make intervals */
	}
}

void
model_pack_chat(struct model *m, struct chat *c, struct buf *to)
{
	struct pack k = pack_write(to);

	pack_put_text(to, chat_id(c));
	code_head(&k, m, c);
	put_credits(&k, m, c);
}

int
model_unpack_chat(struct model *m, const void *p, size_t len, uint64_t number)
{
	struct pack k = pack_open_bare(p, len);
	struct text id = pack_text(&k);
	struct chat *c;

	if (k.bad || id.p == NULL || id.len == 0 || id.len > RECORD_MAX_ID ||
	    model_find_chat(m, id) != NULL)
		return -1;
	c = chats_get(m, id);
	c->number = number;
	code_head(&k, m, c);
	unpack_credits(&k, m, c);
	if (pack_end(&k) == -1)
		return -1;
	/* The operator to whom the chat is credited keeps the reference to the
	 * name. */
	if (c->now.assignee != 0)
		(void)operators_get(m, c->now.assignee);
	interner_drop(&m->lexicon.names, c->now.assignee);
	c->shown = chat_is_open(c);
	credits_restore(m, c);
	return 0;
}

/* A chat's messages: segments of a fixed number of messages, so that a new
 * message changes only the last one. */

struct model_segments
model_segments(const struct chat *c)
{
	struct model_segments s = { .stored = c->stored };

	if (!c->gone && c->loaded) {
		s.from = c->clean / MODEL_SEGMENT;
		s.to = (c->n + MODEL_SEGMENT - 1) / MODEL_SEGMENT;
	} else if (!c->gone) {
		s.from = c->stored;
		s.to = c->stored;
	}
	return s;
}

void
model_chat_packed(struct chat *c)
{
	if (!c->loaded)
		return;
	c->clean = c->n;
	c->stored = (c->n + MODEL_SEGMENT - 1) / MODEL_SEGMENT;
}

/* Packs a name as its text. */
static void
put_name(struct buf *b, const struct model *m, uint32_t name)
{
	pack_put_text(b, model_name(m, name));
}

/* Returns the name, held. */
static uint32_t
unpack_name(struct pack *r, struct model *m)
{
	return interner_get(&m->lexicon.names, pack_text(r));
}

/* The channel follows, because it differs from that of the previous message in
 * the segment. Before the first message there is none. */
#define FLAG_CHANNEL (1u << 8)

static void
put_message(struct buf *b, const struct model *m, const struct message *x,
    unsigned *channel)
{
	unsigned flags = x->from | (unsigned)x->is << 3 |
			 (unsigned)x->is_private << 6 |
			 (unsigned)x->automated << 7 |
			 (x->channel != *channel ? FLAG_CHANNEL : 0);
	char buf[MESSAGE_ID_TEXT];

	pack_put_signed(b, x->at);
	pack_put_text(b, message_id_text(&m->lexicon.message_ids, x->id, buf));
	put_name(b, m, x->user);
	put_name(b, m, x->operator_id);
	pack_put_number(b, x->updated);
	put_name(b, m, m->lexicon.kinds[x->kind]);
	pack_put_number(b, flags);
	if ((flags & FLAG_CHANNEL) != 0)
		pack_put_text(b, lexicon_channel_text(&m->lexicon, x->channel));
	*channel = x->channel;
}

static void
unpack_message(
    struct pack *r, struct model *m, struct message *x, unsigned *channel)
{
	struct lexicon *w = &m->lexicon;
	struct text id;
	uint64_t flags;

	message_set_at(x, pack_signed(r));
	id = pack_text(r);
	if (id.p == NULL || id.len == 0 || id.len > RECORD_MAX_ID) {
		r->bad = true;
		id.p = "0";
		id.len = 1;
	}
	x->id = message_id_make(&w->message_ids, id);
	x->user = unpack_name(r, m);
	x->operator_id = unpack_name(r, m);
	x->updated = pack_number(r) & ((UINT64_C(1) << 49) - 1);
	x->kind = lexicon_kind(w, pack_text(r)) & 127u;
	flags = pack_number(r);
	x->from = flags & 7u;
	x->is = flags >> 3 & 7u;
	x->is_private = flags >> 6 & 1u;
	x->automated = flags >> 7 & 1u;
	if ((flags & FLAG_CHANNEL) != 0)
		*channel = lexicon_channel(w, pack_text(r));
	x->channel = *channel & LEXICON_CHANNELS;
	if (x->from > FROM_SYSTEM || x->is > KIND_HANDOFF || x->from == 0)
		r->bad = true;
}

void
model_pack_segment(
    const struct model *m, const struct chat *c, size_t segment, struct buf *to)
{
	size_t i = segment * MODEL_SEGMENT, end = i + MODEL_SEGMENT;
	unsigned channel = 0;

	if (end > c->n)
		end = c->n;
	for (; i < end; i++)
		put_message(to, m, &c->messages[i], &channel);
}

int
model_unpack_segment(struct model *m, struct chat *c, const void *p, size_t len)
{
	struct pack r = pack_open_bare(p, len);
	unsigned channel = 0;

	while (pack_more(&r))
		unpack_message(&r, m, messages_append(m, c), &channel);
	return pack_end(&r);
}

/* The identities of events: runs of new ones, each of one span. */

static int
compare_spans(const void *a, const void *b)
{
	const struct dedup_fresh *const *x = a, *const *y = b;

	return (*x)->span - (*y)->span;
}

void
model_pack_events(struct model *m, void *ctx,
    void (*run)(void *ctx, uint16_t span, const void *p, size_t len))
{
	struct dedup *s = &m->private->events;
	const struct dedup_fresh **v = xcalloc(s->fresh_n + 1, sizeof *v);
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < s->fresh_n; i++)
		v[i] = &s->fresh[i];
	sort_array(
	    v, s->fresh_n, sizeof(const struct dedup_fresh *), compare_spans);
	for (i = 0; i < s->fresh_n; i++) {
		pack_put_fixed(&b, v[i]->f.a);
		pack_put_fixed(&b, v[i]->f.b);
		if (i + 1 == s->fresh_n || v[i + 1]->span != v[i]->span) {
			run(ctx, v[i]->span, b.data, b.len);
			buf_clear(&b);
		}
	}
	s->fresh_n = 0;
	buf_release(&b);
	free(v);
}

int
model_unpack_events(struct model *m, uint16_t span, const void *p, size_t len)
{
	struct pack r = pack_open_bare(p, len);
	struct fingerprint f;

	while (pack_more(&r)) {
		f.a = pack_fixed(&r);
		f.b = pack_fixed(&r);
		if (r.bad || f.a == 0 || (f.b & 0xffff) != 0)
			return -1;
		dedup_restore(identities_of(m), f, span);
	}
	return pack_end(&r);
}

bool
model_span_is_over(const struct model *m, uint16_t span)
{
	return m->as_of != CLOCK_NONE &&
	       dedup_span_is_over(identities_of(m), span, m->as_of);
}

/* A customer is erased from the descriptions. */

/* True if a description names the customer, or if none names any customer and
 * the order lists the chat. */
static bool
is_chat_of(
    const struct chat *c, uint32_t customer, const struct forget_order *o)
{
	const struct description *d;
	bool named = false;

	for (d = c->descriptions; d != NULL; d = d->next) {
		if (d->customer == customer)
			return true;
		named = named || d->customer != 0;
	}
	return !named && forget_order_has_chat(o, chat_id(c));
}

/* Returns true if there was something to drop. */
static bool
drop_personal(struct model *m, struct description *d)
{
	uint32_t *const names[] = { &d->customer_name, &d->customer_phone,
		&d->tag };
	bool any = false;
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		any = any || *names[i] != 0;
		interner_drop(&m->lexicon.names, *names[i]);
		*names[i] = 0;
	}
	return any;
}

static bool
forget_in_chat(struct model *m, struct chat *c, uint32_t customer,
    const struct forget_order *o)
{
	struct description *d;
	bool any = false;

	for (d = c->descriptions; d != NULL; d = d->next) {
		if ((d->customer != 0 && d->customer != customer) ||
		    d->opened_at > o->asked_at)
			continue;
		any = drop_personal(m, d) || any;
	}
	return any;
}

size_t
model_forget_customer(struct model *m, const struct forget_order *o)
{
	uint32_t customer = interner_get(&m->lexicon.names, o->customer);
	struct chat *c;
	size_t i, n = 0;

	for (i = 0; i < m->chats_n; i++) {
		c = m->chats[i];
		if (!is_chat_of(c, customer, o) ||
		    !forget_in_chat(m, c, customer, o))
			continue;
		touch_chat(m, c, false);
		n++;
	}
	interner_drop(&m->lexicon.names, customer);
	return n;
}
