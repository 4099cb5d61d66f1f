/*
 * model_pack: see model_pack.h. What is stored of a tenant, an operator and a
 * chat is in tables of fields, in the order of their bytes; what repeats
 * follows them. Each change to a layout needs a new version of the state
 * (aggregator/state/state.c).
 */
#include "aggregator/model/model_pack.h"

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

#include "aggregator/model/chat_credits.h"
#include "aggregator/model/chat_descriptions.h"
#include "aggregator/model/chat_table.h"
#include "aggregator/model/derive.h"
#include "aggregator/model/drop_chats.h"
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
