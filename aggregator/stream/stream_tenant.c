/*
 * stream_tenant: the tenants of a stream, and the steps of a flush and of a
 * tenant in it (stream_state.h).
 */
#include "aggregator/stream/stream.h"

#include "common/base/xalloc.h"

#include "aggregator/model/model_pack.h"

static void
die_of_wrong_event(const char *what, unsigned event, unsigned state)
{
	prog_die(PROG_SOFTWARE,
	    "%s cannot go on: event %u in state %u; this is a mistake in the "
	    "program",
	    what, event, state);
}

void
stream_step(struct stream *s, enum stream_event e)
{
	enum stream_state next = stream_next(s->flush_state, e);

	if (next == STREAM_STATES)
		die_of_wrong_event("the flush", e, s->flush_state);
	s->flush_state = next;
}

void
stream_tenant_step(struct stream_tenant *t, enum stream_tenant_event e)
{
	enum stream_age next = stream_age_next(t->age, e);

	if (next == TENANT_AGES)
		die_of_wrong_event(t->name, e, t->age);
	t->age = next;
}

void
stream_fail(struct stream *s, enum exit_code code)
{
	s->code = code;
	if (s->flush_state != STREAM_FAILED)
		stream_step(s, STREAM_FAIL);
}

void
stream_touch(struct stream_tenant *t)
{
	if (t->age == TENANT_TOUCHED) /* by most records */
		return;
	t->stream->touched += !stream_is_touched(t);
	stream_tenant_step(t, TENANT_TOUCH);
}

/* Reads the messages of a chat that was loaded without them. */
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
