/*
 * model_pack: see model_pack.h. Every packed thing begins with the number of
 * its layout; a layout that changes gets another one, and state.h's version
 * with it.
 */
#include "aggregator/model_pack.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "aggregator/model_impl.h"

enum layout {
	LAYOUT_TENANT = 1,
	LAYOUT_OPERATOR,
	LAYOUT_CHAT,
	LAYOUT_SEGMENT,
	LAYOUT_SEEN,
	LAYOUT_EVENT,
};

/* Numbers of 7 bits a byte, the lowest first, as long as the bit is set. */
static void
put_number(struct buf *b, uint64_t n)
{
	char text[10];
	size_t len = 0;

	for (; n > 127; n >>= 7)
		text[len++] = (char)(n | 128);
	text[len++] = (char)n;
	buf_add(b, text, len);
}

/* Small ones of either sign are short; CLOCK_NONE is any other number. */
static void
put_signed(struct buf *b, int64_t n)
{
	put_number(b, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static void
put_fixed(struct buf *b, uint64_t n)
{
	char text[8];
	size_t i;

	for (i = 0; i < 8; i++, n >>= 8)
		text[i] = (char)(n & 255);
	buf_add(b, text, 8);
}

/* Absent text is 0, any other its length + 1. */
static void
put_text(struct buf *b, struct text t)
{
	put_number(b, t.p != NULL ? t.len + 1 : 0);
	if (t.len > 0)
		buf_add(b, t.p, t.len);
}

static void
put_name(struct buf *b, const struct model *m, uint32_t name)
{
	put_text(b, model_name(m, name));
}

/* What is read; bad once something was not there. */
struct reader {
	const unsigned char *p, *end;
	bool bad;
};

static uint64_t
take_number(struct reader *r)
{
	uint64_t n = 0;
	unsigned shift = 0;

	while (r->p < r->end && shift < 64) {
		n |= (uint64_t)(*r->p & 127) << shift;
		if (*r->p++ < 128)
			return n;
		shift += 7;
	}
	r->bad = true;
	return 0;
}

static int64_t
take_signed(struct reader *r)
{
	uint64_t n = take_number(r);

	return (int64_t)(n >> 1 ^ (0 - (n & 1)));
}

static uint64_t
take_fixed(struct reader *r)
{
	uint64_t n = 0;
	size_t i;

	if (r->end - r->p < 8) {
		r->bad = true;
		return 0;
	}
	for (i = 8; i > 0; i--)
		n = n << 8 | r->p[i - 1];
	r->p += 8;
	return n;
}

static struct text
take_text(struct reader *r)
{
	uint64_t len = take_number(r);
	struct text t = { NULL, 0 };

	if (len == 0)
		return t;
	len--;
	if (len > (uint64_t)(r->end - r->p)) {
		r->bad = true;
		return t;
	}
	t.p = (const char *)r->p;
	t.len = len;
	r->p += len;
	return t;
}

static uint32_t
take_name(struct reader *r, struct model *m)
{
	return names_get(&m->lexicon.names, take_text(r));
}

static struct reader
reader_of(const void *p, size_t len, enum layout layout)
{
	struct reader r = { .p = p };

	r.end = r.p + len;
	if (take_number(&r) != (uint64_t)layout)
		r.bad = true;
	return r;
}

static int
finish(const struct reader *r)
{
	return r->bad || r->p != r->end ? -1 : 0;
}

void
model_pack_tenant(const struct model *m, struct buf *to)
{
	put_number(to, LAYOUT_TENANT);
	put_signed(to, m->as_of);
}

int
model_unpack_tenant(struct model *m, const void *p, size_t len)
{
	struct reader r = reader_of(p, len, LAYOUT_TENANT);
	int64_t as_of = take_signed(&r);

	if (finish(&r) == -1)
		return -1;
	m->as_of = as_of;
	return 0;
}

void
model_pack_operator(
    const struct model *m, const struct operator_info *o, struct buf *to)
{
	put_number(to, LAYOUT_OPERATOR);
	put_name(to, m, o->id);
	put_name(to, m, o->name);
	put_signed(to, o->reported_open_chats);
	put_number(to, (o->listed ? 1u : 0u) | (o->available ? 2u : 0u) |
			   (o->has_available ? 4u : 0u));
}

int
model_unpack_operator(struct model *m, const void *p, size_t len)
{
	struct reader r = reader_of(p, len, LAYOUT_OPERATOR);
	struct text id = take_text(&r), name = take_text(&r);
	int64_t reported = take_signed(&r);
	uint64_t flags = take_number(&r);
	struct operator_info *o;
	uint32_t number;

	if (finish(&r) == -1 || id.p == NULL)
		return -1;
	number = names_get(&m->lexicon.names, id);
	o = model_operator(m, number);
	names_drop(&m->lexicon.names, number);
	names_drop(&m->lexicon.names, o->name);
	o->name = names_get(&m->lexicon.names, name);
	o->reported_open_chats = reported;
	m->totals.operators += (flags & 1) != 0 && !o->listed;
	o->listed = (flags & 1) != 0;
	o->available = (flags & 2) != 0;
	o->has_available = (flags & 4) != 0;
	return 0;
}

static void
put_description(
    struct buf *b, const struct model *m, const struct description *d)
{
	put_signed(b, d->at);
	put_signed(b, d->opened_at);
	put_number(b, (uint64_t)d->status);
	put_name(b, m, d->holder);
	put_name(b, m, d->channel);
	put_name(b, m, d->customer);
	put_name(b, m, d->customer_name);
	put_name(b, m, d->customer_phone);
	put_name(b, m, d->tag);
}

static void
take_description(struct reader *r, struct model *m, struct description *d)
{
	d->next = NULL;
	d->at = take_signed(r);
	d->opened_at = take_signed(r);
	d->status = (enum chat_status)take_number(r);
	d->holder = take_name(r, m);
	d->channel = take_name(r, m);
	d->customer = take_name(r, m);
	d->customer_name = take_name(r, m);
	d->customer_phone = take_name(r, m);
	d->tag = take_name(r, m);
	if (d->status > CHAT_GONE)
		r->bad = true;
}

static void
put_credits(struct buf *b, const struct model *m, const struct chat *c)
{
	const struct credit *x;
	size_t i;

	put_number(b, c->credits_n);
	for (i = 0; i < c->credits_n; i++) {
		x = &c->credits[i];
		put_signed(b, x->ms);
		put_name(b, m, x->operator_id);
		put_number(b, (x->first ? 1u : 0u) | (x->skewed ? 2u : 0u));
	}
}

static void
take_credits(struct reader *r, struct model *m, struct chat *c)
{
	uint64_t n = take_number(r), i, flags;
	struct credit *x;
	uint32_t name;

	/* Three bytes each at least. */
	if (n > (uint64_t)(r->end - r->p) / 3) {
		r->bad = true;
		return;
	}
	if (n > 0)
		c->credits = xcalloc((n + 7) / 8 * 8, sizeof *c->credits);
	for (i = 0; i < n && !r->bad; i++) {
		x = &c->credits[i];
		x->ms = take_signed(r);
		name = take_name(r, m);
		if (name != 0) {
			/* Operators hold their names themselves. */
			(void)model_operator(m, name);
			names_drop(&m->lexicon.names, name);
		}
		x->operator_id = name;
		flags = take_number(r);
		x->first = (flags & 1) != 0;
		x->skewed = (flags & 2) != 0;
		tally_add(&c->responses, x->ms);
		c->skewed += x->skewed;
		if (x->first)
			c->first_response = x->ms;
	}
	c->credits_n = (uint32_t)i;
}

void
model_pack_chat(const struct model *m, const struct chat *c, struct buf *to)
{
	const struct description *d;
	size_t n = 0;

	put_number(to, LAYOUT_CHAT);
	put_text(to, chat_id(c));
	for (d = c->descriptions; d != NULL; d = d->next)
		n++;
	put_number(to, n);
	for (d = c->descriptions; d != NULL; d = d->next)
		put_description(to, m, d);
	put_number(to, (uint64_t)c->now.status);
	put_name(to, m, c->now.holder);
	put_signed(to, c->forgotten.at);
	put_signed(to, c->forgotten.status_at);
	put_number(to, (uint64_t)c->forgotten.status);
	put_signed(to, c->forgotten.holder_at);
	put_name(to, m, c->forgotten.holder);
	put_signed(to, c->newest);
	put_signed(to, c->last_message_at);
	put_signed(to, c->waiting_since);
	put_number(to, c->messages_counted);
	put_number(to, c->participants);
	put_number(to, c->loaded ? c->n : c->stored * MODEL_SEGMENT);
	put_credits(to, m, c);
}

static void
take_chat(struct reader *r, struct model *m, struct chat *c)
{
	struct description d;
	uint64_t n = take_number(r), status;
	uint32_t holder;

	for (; n > 0 && !r->bad; n--) {
		take_description(r, m, &d);
		chats_add_description(m, c, &d);
	}
	settle_described(c);
	c->now.status = (enum chat_status)take_number(r);
	holder = take_name(r, m);
	c->now.holder = holder;
	c->forgotten.at = take_signed(r);
	c->forgotten.status_at = take_signed(r);
	status = take_number(r);
	c->forgotten.status = (enum chat_status)status;
	c->forgotten.holder_at = take_signed(r);
	c->forgotten.holder = take_name(r, m);
	c->newest = take_signed(r);
	c->last_message_at = take_signed(r);
	c->waiting_since = take_signed(r);
	c->messages_counted = (uint32_t)take_number(r);
	c->participants = (uint32_t)take_number(r);
	n = take_number(r);
	c->stored = (uint32_t)((n + MODEL_SEGMENT - 1) / MODEL_SEGMENT);
	c->loaded = n == 0;
	take_credits(r, m, c);
	if (c->now.status > CHAT_GONE || status > CHAT_GONE || n > UINT32_MAX)
		r->bad = true;
	/* The operator it is counted for holds the name. */
	if (holder != 0)
		(void)model_operator(m, holder);
	names_drop(&m->lexicon.names, holder);
}

int
model_unpack_chat(struct model *m, const void *p, size_t len, uint64_t number)
{
	struct reader r = reader_of(p, len, LAYOUT_CHAT);
	struct text id = take_text(&r);
	struct chat *c;

	if (r.bad || id.p == NULL || id.len == 0 || id.len > RECORD_MAX_ID ||
	    model_find_chat(m, id) != NULL)
		return -1;
	c = chats_get(m, id);
	c->number = number;
	take_chat(&r, m, c);
	if (finish(&r) == -1)
		return -1;
	c->shown = chat_is_open(c);
	credit_unpacked(m, c);
	chats_expect_leaving(m, c);
	return 0;
}

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

static void
put_message(struct buf *b, const struct model *m, const struct message *x)
{
	char buf[IDENT_TEXT];

	put_signed(b, x->at);
	put_text(b, ident_text(&m->lexicon.idents, x->id, buf));
	put_name(b, m, x->user);
	put_name(b, m, x->operator_id);
	put_number(b, x->updated);
	put_name(b, m, m->lexicon.kinds[x->kind]);
	put_number(b, (uint64_t)x->from | (uint64_t)x->is << 3 |
			  (uint64_t)x->is_private << 6 |
			  (uint64_t)x->automated << 7);
}

static void
take_message(struct reader *r, struct model *m, struct message *x)
{
	struct lexicon *w = &m->lexicon;
	struct text id;
	uint64_t flags;

	x->at = take_signed(r);
	id = take_text(r);
	if (id.p == NULL || id.len == 0 || id.len > RECORD_MAX_ID) {
		r->bad = true;
		id.p = "0";
		id.len = 1;
	}
	x->id = ident_make(&w->idents, id);
	x->user = take_name(r, m);
	x->operator_id = take_name(r, m);
	x->updated = take_number(r) & ((UINT64_C(1) << 49) - 1);
	x->kind = lexicon_kind(w, take_text(r)) & 127u;
	flags = take_number(r);
	x->from = flags & 7u;
	x->is = flags >> 3 & 7u;
	x->is_private = flags >> 6 & 1u;
	x->automated = flags >> 7 & 1u;
	if (x->from > FROM_SYSTEM || x->is > KIND_HANDOFF || x->from == 0)
		r->bad = true;
}

void
model_pack_segment(
    const struct model *m, const struct chat *c, size_t segment, struct buf *to)
{
	size_t i = segment * MODEL_SEGMENT, end = i + MODEL_SEGMENT;

	if (end > c->n)
		end = c->n;
	put_number(to, LAYOUT_SEGMENT);
	for (; i < end; i++)
		put_message(to, m, &c->messages[i]);
}

int
model_unpack_segment(struct model *m, struct chat *c, const void *p, size_t len)
{
	struct reader r = reader_of(p, len, LAYOUT_SEGMENT);

	while (!r.bad && r.p < r.end)
		take_message(&r, m, model_append(m, c));
	return finish(&r);
}

static int
compare_spans(const void *a, const void *b)
{
	const struct fresh_id *const *x = a, *const *y = b;

	return (*x)->span - (*y)->span;
}

static void
put_fresh(struct buf *b, const struct model *m, const struct fresh_id *x)
{
	put_fixed(b, x->f.a);
	/* The low bits are free: 1 for an event. */
	put_fixed(b, x->f.b | (x->event != 0 ? 1 : 0));
	if (x->event == 0)
		return;
	put_signed(b, x->at);
	put_name(b, m, x->user);
	put_name(b, m, x->event);
}

void
model_pack_seen(const struct model *m, void *ctx,
    void (*run)(void *ctx, uint16_t span, const void *p, size_t len))
{
	const struct model_private *p = m->private;
	const struct fresh_id **v = xcalloc(p->fresh_n + 1, sizeof *v);
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < p->fresh_n; i++)
		v[i] = &p->fresh[i];
	if (p->fresh_n > 1)
		qsort(v, p->fresh_n, sizeof(const struct fresh_id *),
		    compare_spans);
	for (i = 0; i < p->fresh_n; i++) {
		if (b.len == 0)
			put_number(&b, LAYOUT_SEEN);
		put_fresh(&b, m, v[i]);
		if (i + 1 == p->fresh_n || v[i + 1]->span != v[i]->span) {
			run(ctx, v[i]->span, b.data, b.len);
			buf_clear(&b);
		}
	}
	buf_release(&b);
	free(v);
}

int
model_unpack_seen(struct model *m, uint16_t span, const void *p, size_t len)
{
	struct reader r = reader_of(p, len, LAYOUT_SEEN);
	struct fingerprint f;
	int64_t at;
	uint32_t user, event;
	bool is_event;

	while (!r.bad && r.p < r.end) {
		f.a = take_fixed(&r);
		f.b = take_fixed(&r);
		is_event = (f.b & 1) != 0;
		f.b &= ~UINT64_C(0xffff);
		if (r.bad || f.a == 0)
			return -1;
		if (!is_event) {
			model_restore_id(m, f, span);
			continue;
		}
		at = take_signed(&r);
		user = take_name(&r, m);
		event = take_name(&r, m);
		if (!r.bad)
			events_restore(m, f, span, at, user, event);
		names_drop(&m->lexicon.names, user);
		names_drop(&m->lexicon.names, event);
	}
	return finish(&r);
}

bool
model_span_is_over(const struct model *m, uint16_t span)
{
	uint16_t age;

	if (m->window == 0 || m->as_of == CLOCK_NONE)
		return false;
	age = (uint16_t)(model_span(m, m->as_of - m->window) - span);
	return age > 0 && age <= UINT16_MAX / 2;
}

void
model_pack_event(const struct model *m, const struct event_count *e,
    struct buf *key, struct buf *value)
{
	put_name(key, m, e->user);
	put_name(key, m, e->event);
	put_number(value, LAYOUT_EVENT);
	put_number(value, e->count);
}

int
model_unpack_event(struct model *m, const void *key, size_t key_len,
    const void *value, size_t len)
{
	struct reader k = { .p = key }, v = reader_of(value, len, LAYOUT_EVENT);
	struct event_count *e;
	uint32_t user, event;
	uint64_t count = take_number(&v);

	k.end = k.p + key_len;
	user = take_name(&k, m);
	event = take_name(&k, m);
	if (finish(&k) == 0 && finish(&v) == 0) {
		e = events_count(m, user, event);
		e->count = count;
	}
	names_drop(&m->lexicon.names, user);
	names_drop(&m->lexicon.names, event);
	return finish(&k) == 0 && finish(&v) == 0 ? 0 : -1;
}
