/*
 * stream_tenant: the tenants of a stream.
 */
#include "aggregator/stream/stream.h"

#include "common/base/xalloc.h"

#include "aggregator/model/model_pack.h"

void
stream_fail(struct stream *s, enum exit_code code)
{
	s->stage.code = code;
	s->failed = true;
}

void
stream_touch(struct stream_tenant *t)
{
	t->stream->touched += !t->touched;
	t->touched = t->aged = true;
}

/* Reads the messages of a chat if only its head is loaded. */
static void
fetch_chat_messages(void *ctx, struct model *m, struct chat *c)
{
	struct stream_tenant *t = ctx;
	struct stream *s = t->stream;
	size_t i, n = model_segments(c).stored, len = 0;
	const void *data = NULL;
	struct key k;

	for (i = 0; i < n; i++) {
		k = stream_segment_key(c->number, i);
		if (!lmdb_get(
			s->tables.messages, k.bytes, k.len, &data, &len) ||
		    model_unpack_segment(m, c, data, len) == -1) {
			state_set_damaged(s->state);
			return;
		}
	}
}

struct stream_tenant *
stream_tenant(struct stream *s, struct text name)
{
	struct stream_tenant *t = s->last;
	void **slot;

	if (t != NULL && text_is(name, t->name))
		return t;
	slot = strmap_put(&s->names, name.p, name.len);
	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->name = text_dup(name);
		t->stream = s;
		t->number = (uint32_t)s->tenants_n;
		pipeline_init(&t->pipeline, &s->setup, name, t->number);
		t->pipeline.model.fetch = fetch_chat_messages;
		XGROW(s->tenants, s->tenants_n, s->tenants_cap);
		s->tenants[s->tenants_n++] = t;
		*slot = t;
	}
	s->last = *slot;
	return *slot;
}

struct key
stream_tenant_key(const struct stream_tenant *t)
{
	struct key k = { .len = 0 };

	key_short(&k, t->number, STREAM_TENANT_BYTES);
	return k;
}

struct key
stream_chat_key(uint64_t number)
{
	struct key k = { .len = 0 };

	key_short(&k, number, STREAM_CHAT_BYTES);
	return k;
}

struct key
stream_segment_key(uint64_t number, size_t segment)
{
	struct key k = stream_chat_key(number);

	key_short(&k, segment, 4);
	return k;
}
