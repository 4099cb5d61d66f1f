/*
 * stream_allocation: assigns the chats of a stream. It assigns once per flush,
 * after the model is recomputed, and reads the model. Its state is committed
 * together with everything else, and so are the lines of new reservations.
 */
#include "aggregator/stream/stream.h"

#include "common/base/clock.h"

int64_t
stream_allocation_now(struct stream *s)
{
	return clock_onward(&s->clock, clock_now_ms(), clock_mono_ms());
}

void
stream_allocation_clock(struct stream *s)
{
	int64_t now = stream_allocation_now(s);
	size_t i;

	for (i = 0; i < s->tenants_n; i++)
		if (allocation_due(s->tenants[i]->pipeline.allocation) <= now)
			stream_touch(s->tenants[i]);
}

bool
stream_allocation_due(struct stream *s)
{
	int64_t now = stream_allocation_now(s);
	size_t i;

	for (i = 0; i < s->tenants_n; i++)
		if (allocation_due(s->tenants[i]->pipeline.allocation) <= now)
			return true;
	return false;
}

void
stream_allocation_reserved(void *ctx, const struct allocation_reservation *p)
{
	struct stream *s = ctx;

	buf_clear(&s->scratch);
	allocation_write(p, &s->scratch);
	(void)stream_lines_add(
	    &s->reservations, s->scratch.data, s->scratch.len);
}

void
stream_allocation_select(struct stream_tenant *t)
{
	struct allocation *a = t->pipeline.allocation;

	/* An outcome counts even if its reservation expires now. */
	allocation_read(a, &t->pipeline.model, false);
	allocation_clock(a, t->stream->clock.now_ms);
	t->stream->counts.assigned += allocation_select(a);
}

static void
save_allocation_entry(void *ctx, const struct buf *key, const struct buf *value)
{
	const struct stream_tenant *t = ctx;
	struct lmdb_table *to = t->stream->tables.allocation;
	struct key k = stream_tenant_key(t);

	key_append(&k, (struct text){ key->data, key->len });
	if (value->len > 0)
		lmdb_put(to, k.bytes, k.len, value->data, value->len);
	else
		lmdb_delete(to, k.bytes, k.len);
}

void
stream_allocation_save(struct stream_tenant *t)
{
	allocation_pack(t->pipeline.allocation, save_allocation_entry, t);
}

static bool
load_allocation_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_tenant *t = ctx;

	if (key_len > STREAM_TENANT_BYTES &&
	    allocation_unpack(t->pipeline.allocation,
		(const char *)key + STREAM_TENANT_BYTES,
		key_len - STREAM_TENANT_BYTES, data, len) == 0)
		return true;
	state_set_damaged(t->stream->state);
	return false;
}

int
stream_allocation_load(struct stream *s)
{
	struct stream_tenant *t;
	struct key k;
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		t = s->tenants[i];
		k = stream_tenant_key(t);
		lmdb_each(s->tables.allocation, k.bytes, k.len,
		    load_allocation_entry, t);
		allocation_read(
		    t->pipeline.allocation, &t->pipeline.model, true);
		/* There may be waiting chats. */
		stream_touch(t);
	}
	return state_failed(s->state) ? -1 : 0;
}
