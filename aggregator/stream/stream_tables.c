/*
 * stream_tables: the tables of the state. A flush writes a tenant's changes
 * into them:
 *
 *   tenants    number -> name, whether it is aged, and what no other table has
 *   operators  tenant, id -> operator
 *   chats      number -> tenant, head
 *   messages   number, segment -> messages
 *   seen       tenant, span, version -> identities of events of that span
 *
 * LMDB writes whole pages, so data that change in the same flush should be
 * adjacent. Therefore chats are numbered in the order in which they begin, and
 * the identities of events are a log: each flush appends one run under a
 * growing key. When a span leaves the window, flushes delete it in small steps.
 *
 * The start reads the operators, identities and chat heads of every tenant. The
 * messages of a chat are read when a record about the chat arrives, and the
 * counts of the streaming metrics (keyed_state.h) when they change.
 * stream_lines.c and stream_allocation.c own the tables of lines and of the
 * allocation.
 */
#include "aggregator/stream/stream.h"

#include <string.h>

#include "aggregator/model/model_pack.h"

/* Maximum number of runs of expired identities that one flush deletes. */
#define EXPIRE_RUNS 64

static void
save_tenant(struct stream_tenant *t)
{
	struct stream *s = t->stream;
	struct key k = stream_tenant_key(t);

	buf_clear(&s->scratch);
	buf_add(&s->scratch, t->name, strlen(t->name) + 1);
	buf_addc(&s->scratch, t->aged ? 1 : 0);
	model_pack_tenant(&t->pipeline.model, &s->scratch);
	lmdb_put(
	    s->tables.tenants, k.bytes, k.len, s->scratch.data, s->scratch.len);
}

/* The figures of an operator, and an operator without a record, follow from the
 * chats. */
static void
save_operators(struct stream_tenant *t)
{
	struct model *m = &t->pipeline.model;
	struct stream *s = t->stream;
	struct operator_info *o;
	struct key k;
	size_t i;

	for (i = 0; i < m->changes.operators_n; i++) {
		o = m->changes.operators[i];
		if (!o->described)
			continue;
		k = stream_tenant_key(t);
		key_append(&k, model_name(m, o->id));
		buf_clear(&s->scratch);
		model_pack_operator(m, o, &s->scratch);
		lmdb_put(s->tables.operators, k.bytes, k.len, s->scratch.data,
		    s->scratch.len);
	}
}

static void
delete_segments(struct stream *s, uint64_t number, size_t from, size_t to)
{
	struct key k;

	for (; from < to; from++) {
		k = stream_segment_key(number, from);
		lmdb_delete(s->tables.messages, k.bytes, k.len);
	}
}

static void
delete_chat(struct stream *s, const struct chat *c)
{
	struct key k = stream_chat_key(c->number);

	delete_segments(s, c->number, 0, model_segments(c).stored);
	lmdb_delete(s->tables.chats, k.bytes, k.len);
}

static void
save_chat(struct stream_tenant *t, struct chat *c)
{
	struct stream *s = t->stream;
	struct model_segments seg = model_segments(c);
	struct key tenant = stream_tenant_key(t),
		   k = stream_chat_key(c->number);

	buf_clear(&s->scratch);
	buf_add(&s->scratch, tenant.bytes, tenant.len);
	model_pack_chat(&t->pipeline.model, c, &s->scratch);
	lmdb_put(
	    s->tables.chats, k.bytes, k.len, s->scratch.data, s->scratch.len);
	delete_segments(s, c->number, seg.to, seg.stored);
	for (; seg.from < seg.to; seg.from++) {
		buf_clear(&s->scratch);
		model_pack_segment(
		    &t->pipeline.model, c, seg.from, &s->scratch);
		k = stream_segment_key(c->number, seg.from);
		lmdb_put(s->tables.messages, k.bytes, k.len, s->scratch.data,
		    s->scratch.len);
	}
}

static void
save_chats(struct stream_tenant *t)
{
	const struct model_changes *changes = &t->pipeline.model.changes;
	struct stream *s = t->stream;
	struct chat *c;
	size_t i;

	for (i = 0; i < changes->chats_n; i++) {
		c = changes->chats[i];
		if (!c->gone && c->number == 0)
			c->number = s->next_number++;
		if (!c->gone)
			save_chat(t, c);
		else if (c->number != 0)
			delete_chat(s, c);
	}
}

static void
save_run(void *ctx, uint16_t span, const void *p, size_t len)
{
	struct stream_tenant *t = ctx;
	struct stream *s = t->stream;
	struct key k = stream_tenant_key(t);

	key_short(&k, span, 2);
	key_number(&k, (uint64_t)state_version(s->state));
	lmdb_put(s->tables.seen, k.bytes, k.len, p, len);
	if (!t->has_runs || (int16_t)(uint16_t)(span - t->oldest_run) < 0)
		t->oldest_run = span;
	t->has_runs = true;
}

static void
expire_runs(struct stream_tenant *t)
{
	size_t left = EXPIRE_RUNS, n;
	struct key k;

	while (t->has_runs && left > 0 &&
	       model_span_is_over(&t->pipeline.model, t->oldest_run)) {
		k = stream_tenant_key(t);
		key_short(&k, t->oldest_run, 2);
		n = lmdb_delete_prefix(
		    t->stream->tables.seen, k.bytes, k.len, left);
		if (n < left)
			t->oldest_run++;
		left -= n > 0 ? n : 1;
	}
}

void
stream_save(struct stream_tenant *t)
{
	save_tenant(t);
	save_operators(t);
	save_chats(t);
	model_pack_events(&t->pipeline.model, t, save_run);
	expire_runs(t);
	if (t->pipeline.allocation != NULL)
		stream_allocation_save(t);
	if (t->pipeline.streaming != NULL)
		keyed_state_home_save(&t->pipeline.streaming->home);
}

enum {
	/* Tenant, span and version; see save_run(). */
	RUN_KEY_BYTES = STREAM_TENANT_BYTES + 2 + 8,
};

/* Reports that the state is damaged. Always returns false. */
static bool
damaged(const struct stream *s)
{
	state_set_damaged(s->state);
	return false;
}

/* Returns the tenant whose number is at the start of the bytes; NULL if the
 * state is damaged. */
static struct stream_tenant *
tenant_at(const struct stream *s, const void *bytes, size_t len)
{
	size_t at = 0;
	uint64_t n = key_read_short(
	    (struct text){ bytes, len }, &at, STREAM_TENANT_BYTES);

	if (at > 0 && n < s->tenants_n)
		return s->tenants[n];
	(void)damaged(s);
	return NULL;
}

/* Returns false if unpacking failed because the state is damaged. */
static bool
check_unpacked(const struct stream *s, int rc)
{
	return rc == -1 ? damaged(s) : rc == 0;
}

static bool
load_tenant_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	const char *nul = memchr(data, '\0', len);
	struct stream_tenant *t;
	struct text name = { data, 0 };
	size_t at = 0;

	if (key_len != STREAM_TENANT_BYTES || nul == NULL ||
	    key_read_short((struct text){ key, key_len }, &at, key_len) !=
		s->tenants_n)
		return damaged(s);
	name.len = (size_t)(nul - name.p);
	if (name.len + 1 == len)
		return damaged(s);
	t = stream_tenant(s, name);
	t->aged = nul[1] != 0;
	if (!check_unpacked(s, model_unpack_tenant(&t->pipeline.model, nul + 2,
				   len - name.len - 2)))
		return false;
	if (t->pipeline.streaming != NULL)
		streaming_metrics_resume(
		    t->pipeline.streaming, t->pipeline.model.as_of);
	return true;
}

static bool
load_operator_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	struct stream_tenant *t = tenant_at(s, key, key_len);

	return t != NULL &&
	       check_unpacked(
		   s, model_unpack_operator(&t->pipeline.model, data, len));
}

static bool
load_chat_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	struct stream_tenant *t = tenant_at(s, data, len);
	uint64_t number;
	size_t at = 0;

	if (t == NULL || key_len != STREAM_CHAT_BYTES)
		return damaged(s);
	number = key_read_short((struct text){ key, key_len }, &at, key_len);
	/* Chats come in the order of their numbers. */
	s->next_number = number + 1;
	return check_unpacked(s, model_unpack_chat(&t->pipeline.model,
				     (const char *)data + STREAM_TENANT_BYTES,
				     len - STREAM_TENANT_BYTES, number));
}

static bool
load_identity_run(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	struct stream_tenant *t = tenant_at(s, key, key_len);
	size_t at = STREAM_TENANT_BYTES;
	uint16_t span;

	if (t == NULL || key_len != RUN_KEY_BYTES)
		return damaged(s);
	span = (uint16_t)key_read_short((struct text){ key, key_len }, &at, 2);
	if (!t->has_runs || (int16_t)(uint16_t)(span - t->oldest_run) < 0)
		t->oldest_run = span;
	t->has_runs = true;
	return check_unpacked(
	    s, model_unpack_events(&t->pipeline.model, span, data, len));
}

/* A tenant without a time has no rows yet, so all of its entries count as
 * changed. */
static void
list_undated(const struct stream *s)
{
	size_t i;

	for (i = 0; i < s->tenants_n; i++)
		if (stream_is_undated(s->tenants[i]))
			pipeline_list_all(&s->tenants[i]->pipeline);
}

int
stream_load(struct stream *s)
{
	const struct stream_tables *t = &s->tables;

	lmdb_each(t->tenants, NULL, 0, load_tenant_entry, s);
	lmdb_each(t->operators, NULL, 0, load_operator_entry, s);
	lmdb_each(t->seen, NULL, 0, load_identity_run, s);
	s->next_number = 1;
	lmdb_each(t->chats, NULL, 0, load_chat_entry, s);
	list_undated(s);
	stream_foreign_load(s);
	if (t->allocation != NULL && stream_allocation_load(s) == -1)
		return -1;
	return state_failed(s->state) ? -1 : 0;
}
