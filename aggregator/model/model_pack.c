/*
 * model_pack: see model_pack.h. All packed data begin with the number of their
 * layout. Each change to the layout needs a new number, and a new version of
 * the state (state.h).
 */
#include "aggregator/model/model_pack.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

#include "aggregator/model/model_impl.h"
#include "common/containers/pack.h"

/* Packed above the status of the dropped history. */
#define EPISODE_STATE_SHIFT 3

void
model_pack_tenant(const struct model *m, struct buf *to)
{
	size_t i, n;

	pack_put_number(to, LAYOUT_TENANT);
	pack_put_signed(to, m->as_of);
	pack_put_signed(to, m->since);
	/* Ranges of buckets with the same time; usually there is one. */
	for (i = 0; i < BUCKETS; i += n) {
		for (n = 1;
		     i + n < BUCKETS && m->whole_at[i + n] == m->whole_at[i];)
			n++;
		pack_put_number(to, n);
		pack_put_signed(to, m->whole_at[i]);
	}
}

int
model_unpack_tenant(struct model *m, const void *p, size_t len)
{
	struct pack r = pack_open(p, len, LAYOUT_TENANT);
	int64_t as_of = pack_signed(&r), since = pack_signed(&r), at;
	size_t i = 0;
	uint64_t n;

	while (!r.bad && i < BUCKETS) {
		n = pack_number(&r);
		at = pack_signed(&r);
		if (n == 0 || n > BUCKETS - i)
			return -1;
		m->corrected |= at != CLOCK_NONE;
		for (; n > 0; n--)
			m->whole_at[i++] = at;
	}
	if (pack_end(&r) == -1)
		return -1;
	m->as_of = as_of;
	m->since = since;
	return 0;
}

void
model_pack_operator(
    const struct model *m, const struct operator_info *o, struct buf *to)
{
	pack_put_number(to, LAYOUT_OPERATOR);
	model_put_name(to, m, o->id);
	model_put_name(to, m, o->name);
	model_put_name(to, m, o->tags);
	pack_put_signed(to, o->max_chats);
	pack_put_signed(to, o->reported_open_chats);
	pack_put_number(to, (o->listed ? 1u : 0u) | (o->available ? 2u : 0u) |
				(o->has_available ? 4u : 0u) |
				(o->nameless ? 8u : 0u) |
				(o->available_at != CLOCK_NONE ? 16u : 0u) |
				(o->at != CLOCK_NONE ? 32u : 0u));
	if (o->available_at != CLOCK_NONE)
		pack_put_signed(to, o->available_at);
	if (o->at != CLOCK_NONE)
		pack_put_signed(to, o->at);
}

int
model_unpack_operator(struct model *m, const void *p, size_t len)
{
	struct pack r = pack_open(p, len, LAYOUT_OPERATOR);
	struct text id = pack_text(&r), name = pack_text(&r);
	struct text tags = pack_text(&r);
	int64_t max_chats = pack_signed(&r), reported = pack_signed(&r);
	uint64_t flags = pack_number(&r);
	int64_t available_at = (flags & 16) != 0 ? pack_signed(&r) : CLOCK_NONE;
	int64_t at = (flags & 32) != 0 ? pack_signed(&r) : CLOCK_NONE;
	struct operator_info *o;
	uint32_t number;

	if (pack_end(&r) == -1 || id.p == NULL)
		return -1;
	number = interner_get(&m->lexicon.names, id);
	o = model_operators_get(m, number);
	interner_drop(&m->lexicon.names, number);
	interner_drop(&m->lexicon.names, o->name);
	o->name = interner_get(&m->lexicon.names, name);
	o->tags = interner_get(&m->lexicon.names, tags);
	o->max_chats = max_chats;
	o->reported_open_chats = reported;
	m->totals.operators += (flags & 1) != 0 && !o->listed;
	o->listed = (flags & 1) != 0;
	o->available = (flags & 2) != 0;
	o->has_available = (flags & 4) != 0;
	o->available_at = available_at;
	o->at = at;
	o->nameless = (flags & 8) != 0;
	return 0;
}

static size_t
count_credits(const struct chat *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->intervals_n; i++)
		n += c->intervals[i].credited;
	return n;
}

static void
put_credits(struct buf *b, const struct model *m, const struct chat *c)
{
	const struct interval *x;

	pack_put_number(b, count_credits(c));
	for (x = c->intervals; x < c->intervals + c->intervals_n; x++) {
		if (!x->credited)
			continue;
		pack_put_signed(b, x->ms);
		model_put_name(b, m, x->operator_id);
		pack_put_number(
		    b, (x->kind == INTERVAL_FIRST_RESPONSE ? 1u : 0u) |
			   (x->skewed ? 2u : 0u));
	}
}

/* Unpacks the data that operators and totals need until the chat is loaded. */
static void
unpack_credits(struct pack *r, struct model *m, struct chat *c)
{
	uint64_t n = pack_count(r, 3), flags;
	struct interval *x;

	c->intervals = n > 0 ? xcalloc(n, sizeof *c->intervals) : NULL;
	for (; c->intervals_n < n && !r->bad; c->intervals_n++) {
		x = &c->intervals[c->intervals_n];
		x->ms = pack_signed(r);
		x->operator_id = model_unpack_name(r, m);
		flags = pack_number(r);
		x->kind =
		    (flags & 1) != 0 ? INTERVAL_FIRST_RESPONSE : INTERVAL_REPLY;
		x->skewed = (flags & 2) != 0;
		x->credited = true;
		tally_add(&c->responses, x->ms);
		c->skewed += x->skewed;
		if (x->kind == INTERVAL_FIRST_RESPONSE)
			c->first_response = x->ms;
	}
}

void
model_pack_chat(const struct model *m, const struct chat *c, struct buf *to)
{
	pack_put_number(to, LAYOUT_CHAT);
	pack_put_text(to, chat_id(c));
	descriptions_pack(m, c, to);
	pack_put_signed(to, c->listed_at);
	pack_put_number(to, (uint64_t)c->now.status);
	model_put_name(to, m, c->now.assignee);
	pack_put_signed(to, c->dropped.at);
	pack_put_signed(to, c->dropped.status_at);
	pack_put_number(
	    to, (uint64_t)c->dropped.status | (uint64_t)c->dropped.episode
						  << EPISODE_STATE_SHIFT);
	pack_put_signed(to, c->dropped.assignee_at);
	model_put_name(to, m, c->dropped.assignee);
	pack_put_signed(to, c->newest);
	pack_put_signed(to, c->last_message_at);
	pack_put_signed(to, c->waiting_since);
	pack_put_number(to, c->messages_counted);
	pack_put_number(to, c->participants);
	pack_put_number(to, c->loaded ? c->n : c->stored * MODEL_SEGMENT);
	put_credits(to, m, c);
}

static void
unpack_dropped(struct pack *r, struct model *m, struct chat *c)
{
	uint64_t status, flags;

	c->dropped.at = pack_signed(r);
	c->dropped.status_at = pack_signed(r);
	flags = pack_number(r);
	status = flags & ((1u << EPISODE_STATE_SHIFT) - 1);
	c->dropped.status = (uint8_t)status;
	c->dropped.episode = flags >> EPISODE_STATE_SHIFT & 3u;
	c->dropped.assignee_at = pack_signed(r);
	c->dropped.assignee = model_unpack_name(r, m);
	if (status > CHAT_GONE || flags >> EPISODE_STATE_SHIFT > 3)
		r->bad = true;
}

static void
unpack_chat_head(struct pack *r, struct model *m, struct chat *c)
{
	uint32_t assignee;
	uint64_t n;

	descriptions_unpack(m, c, r);
	c->listed_at = pack_signed(r);
	chats_describe(c);
	c->now.status = (enum chat_status)pack_number(r);
	assignee = model_unpack_name(r, m);
	c->now.assignee = assignee;
	unpack_dropped(r, m, c);
	c->newest = pack_signed(r);
	c->last_message_at = pack_signed(r);
	c->waiting_since = pack_signed(r);
	c->messages_counted = (uint32_t)pack_number(r);
	c->participants = (uint32_t)pack_number(r);
	n = pack_number(r);
	c->stored = (uint32_t)((n + MODEL_SEGMENT - 1) / MODEL_SEGMENT);
	c->loaded = n == 0;
	unpack_credits(r, m, c);
	if (c->now.status > CHAT_GONE || n > UINT32_MAX)
		r->bad = true;
	/* The operator to whom it is credited keeps the reference to the
	 * name. */
	if (assignee != 0)
		(void)model_operators_get(m, assignee);
	interner_drop(&m->lexicon.names, assignee);
}

int
model_unpack_chat(struct model *m, const void *p, size_t len, uint64_t number)
{
	struct pack r = pack_open(p, len, LAYOUT_CHAT);
	struct text id = pack_text(&r);
	struct chat *c;

	if (r.bad || id.p == NULL || id.len == 0 || id.len > RECORD_MAX_ID ||
	    model_find_chat(m, id) != NULL)
		return -1;
	c = chats_get(m, id);
	c->number = number;
	unpack_chat_head(&r, m, c);
	if (pack_end(&r) == -1)
		return -1;
	c->shown = chat_is_open(c);
	credit_unpacked(m, c);
	chats_queue_expiry(m, c);
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

void
model_chat_packed(struct chat *c)
{
	if (!c->loaded)
		return;
	c->clean = c->n;
	c->stored = (c->n + MODEL_SEGMENT - 1) / MODEL_SEGMENT;
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
	model_put_name(b, m, x->user);
	model_put_name(b, m, x->operator_id);
	pack_put_number(b, x->updated);
	model_put_name(b, m, m->lexicon.kinds[x->kind]);
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
	x->user = model_unpack_name(r, m);
	x->operator_id = model_unpack_name(r, m);
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
	pack_put_number(to, LAYOUT_SEGMENT);
	for (; i < end; i++)
		put_message(to, m, &c->messages[i], &channel);
}

int
model_unpack_segment(struct model *m, struct chat *c, const void *p, size_t len)
{
	struct pack r = pack_open(p, len, LAYOUT_SEGMENT);
	unsigned channel = 0;

	while (pack_more(&r))
		unpack_message(&r, m, messages_append(c), &channel);
	return pack_end(&r);
}

static int
compare_spans(const void *a, const void *b)
{
	const struct fresh_id *const *x = a, *const *y = b;

	return (*x)->span - (*y)->span;
}

void
model_pack_identities(const struct model *m, void *ctx,
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
			pack_put_number(&b, LAYOUT_IDENTITIES);
		pack_put_fixed(&b, v[i]->f.a);
		pack_put_fixed(&b, v[i]->f.b);
		if (i + 1 == p->fresh_n || v[i + 1]->span != v[i]->span) {
			run(ctx, v[i]->span, b.data, b.len);
			buf_clear(&b);
		}
	}
	buf_release(&b);
	free(v);
}

int
model_unpack_identities(
    struct model *m, uint16_t span, const void *p, size_t len)
{
	struct pack r = pack_open(p, len, LAYOUT_IDENTITIES);
	struct fingerprint f;

	while (pack_more(&r)) {
		f.a = pack_fixed(&r);
		f.b = pack_fixed(&r);
		if (r.bad || f.a == 0 || (f.b & 0xffff) != 0)
			return -1;
		identities_restore(m, f, span);
	}
	return pack_end(&r);
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
