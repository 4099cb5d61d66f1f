/*
 * stream_tenant: the tenants of a stream.
 */
#include "aggregator/stream/stream.h"

#include "common/base/xalloc.h"

#include "aggregator/model/model_pack.h"

void
stream_fail(struct stream *s, enum exit_code code)
{
	s->code = code;
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
	uint64_t key;

	for (i = 0; i < n; i++) {
		key = stream_segment_key(c->number, i);
		if (!state_get(
			s->tables.messages, &key, sizeof key, &data, &len) ||
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
		pipeline_init(
		    &t->pipeline, &s->setup, name, true, CLOCK_NONE, t->number);
		t->pipeline.model.dedup_on_add = true;
		t->pipeline.model.fetch = fetch_chat_messages;
		XGROW(s->tenants, s->tenants_n, s->tenants_cap);
		s->tenants[s->tenants_n++] = t;
		*slot = t;
	}
	s->last = *slot;
	return *slot;
}

void
stream_put_number(struct buf *key, uint64_t n, size_t bytes)
{
	while (bytes-- > 0)
		buf_addc(key, (char)(unsigned char)(n >> (8 * bytes)));
}

void
stream_tenant_key(const struct stream_tenant *t, struct buf *key)
{
	buf_clear(key);
	stream_put_number(key, t->number, STREAM_TENANT_BYTES);
}

uint32_t
stream_read_tenant_number(const void *p)
{
	const unsigned char *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}
