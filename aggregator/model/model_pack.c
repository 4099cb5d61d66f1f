/*
 * model_pack: see model_pack.h. Each change to a layout needs a new version of
 * the state (aggregator/state/state.c).
 */
#include "aggregator/model/model_pack.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

#include "aggregator/model/model_impl.h"
#include "common/containers/pack.h"

/* Returns the number of buckets, from the i-th, that have the same time. */
static uint64_t
count_same_buckets(const struct model *m, size_t i)
{
	uint64_t n = 1;

	while (i + n < BUCKETS && m->whole_at[i + n] == m->whole_at[i])
		n++;
	return n;
}

static void
code_tenant(struct pack *k, struct model *m)
{
	uint64_t n;
	int64_t at;
	size_t i = 0;

	code_signed(k, &m->as_of);
	code_signed(k, &m->since);
	/* Ranges of buckets with the same time; usually there is one. */
	while (i < BUCKETS && !k->bad) {
		n = count_same_buckets(m, i);
		at = m->whole_at[i];
		code_number(k, &n);
		code_signed(k, &at);
		if (n == 0 || n > BUCKETS - i)
			k->bad = true;
		for (; n > 0 && !k->bad; n--)
			m->whole_at[i++] = at;
	}
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
	if (m->as_of != CLOCK_NONE)
		m->private->expired_at = chats_expiry_time(m);
	return pack_end(&k);
}

static void
code_operator(struct pack *k, struct model *m, struct operator_info *o)
{
	model_code_name(k, m, &o->name);
	model_code_name(k, m, &o->tags);
	code_signed(k, &o->max_chats);
	code_signed(k, &o->reported_open_chats);
	code_flag(k, &o->listed);
	code_flag(k, &o->available);
	code_flag(k, &o->has_available);
	code_flag(k, &o->nameless);
	code_signed(k, &o->available_at);
	code_signed(k, &o->at);
}

void
model_pack_operator(struct model *m, struct operator_info *o, struct buf *to)
{
	struct pack k = pack_write(to);

	pack_put_text(to, operator_id(m, o));
	code_operator(&k, m, o);
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
	o = model_operators_get(m, number);
	interner_drop(&m->lexicon.names, number);
	interner_drop(&m->lexicon.names, o->name);
	m->totals.operators -= o->listed;
	code_operator(&k, m, o);
	m->totals.operators += o->listed;
	return pack_end(&k);
}

static void
code_credit(struct pack *k, struct model *m, struct interval *x)
{
	bool first = x->kind == INTERVAL_FIRST_RESPONSE;

	code_signed(k, &x->ms);
	model_code_name(k, m, &x->operator_id);
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
		tally_add(&c->responses, x->ms);
		c->skewed += x->skewed;
		if (x->kind == INTERVAL_FIRST_RESPONSE)
			c->first_response = x->ms;
	}
}

static void
code_dropped(struct pack *k, struct model *m, struct dropped_history *f)
{
	uint32_t status = f->status, episode = f->episode;

	code_signed(k, &f->at);
	code_signed(k, &f->status_at);
	code_limited(k, &status, CHAT_GONE);
	code_limited(k, &episode, EPISODE_CLOSED_BY_MESSAGE);
	code_signed(k, &f->assignee_at);
	model_code_name(k, m, &f->assignee);
	f->status = (uint8_t)status;
	f->episode = (uint8_t)episode;
}

/* The head of a chat; its id and its credits are packed before and after it. */
static void
code_head(struct pack *k, struct model *m, struct chat *c)
{
	uint32_t segments = (uint32_t)model_segments(c).to;

	descriptions_code(k, m, c);
	code_signed(k, &c->listed_at);
	if (pack_reads(k))
		chats_describe(c);
	model_code_status(k, &c->now.status);
	model_code_name(k, m, &c->now.assignee);
	code_dropped(k, m, &c->dropped);
	code_signed(k, &c->newest);
	code_signed(k, &c->last_message_at);
	code_signed(k, &c->waiting_since);
	code_limited(k, &c->messages_counted, UINT32_MAX);
	code_limited(k, &c->participants, UINT32_MAX);
	code_limited(k, &segments, UINT32_MAX / MODEL_SEGMENT);
	if (pack_reads(k)) {
		c->stored = segments;
		c->loaded = segments == 0;
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
		(void)model_operators_get(m, c->now.assignee);
	interner_drop(&m->lexicon.names, c->now.assignee);
	c->shown = chat_is_open(c);
	credit_unpacked(m, c);
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

static int
compare_spans(const void *a, const void *b)
{
	const struct dedup_fresh *const *x = a, *const *y = b;

	return (*x)->span - (*y)->span;
}

void
model_pack_events(const struct model *m, void *ctx,
    void (*run)(void *ctx, uint16_t span, const void *p, size_t len))
{
	const struct dedup *s = &m->private->events;
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
		dedup_restore(model_events(m), f, span);
	}
	return pack_end(&r);
}

bool
model_span_is_over(const struct model *m, uint16_t span)
{
	return m->as_of != CLOCK_NONE &&
	       dedup_span_is_over(model_events(m), span, m->as_of);
}
