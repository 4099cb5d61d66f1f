/*
 * model_pack_messages: the packed form of a chat's messages: segments of a
 * fixed number of messages, so that a new message changes only the last one.
 */
#include "aggregator/model/model_pack.h"

#include "common/containers/pack.h"

#include "aggregator/model/chat_messages.h"

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
