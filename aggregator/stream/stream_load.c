/*
 * stream_load: reads the state at the start: of each tenant its operators,
 * events, identities and the heads of its chats. Messages of a chat are read
 * when a record of it comes. Then it marks the rows whose keys are pending, so
 * that they are written again. stream_allocation.c reads the allocation.
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/model/model_pack.h"
#include "aggregator/tenant/pending_rows.h"

enum {
	/* The tenant, the span, the version; see save_run(). */
	RUN_KEY_BYTES = STREAM_TENANT_BYTES + 2 + 8,
};

struct stream_loader {
	struct stream *stream;
	struct stream_tenant **by_number;
	size_t n, cap;
};

static struct stream_tenant *
find_numbered_tenant(const struct stream_loader *l, uint32_t number)
{
	return number < l->n ? l->by_number[number] : NULL;
}

/* The state is damaged: false. */
static bool
damaged(const struct stream_loader *l)
{
	state_set_damaged(l->stream->state);
	return false;
}

/* The tenant whose number the bytes begin with; NULL: damaged. */
static struct stream_tenant *
tenant_at(const struct stream_loader *l, const void *bytes, size_t len)
{
	struct stream_tenant *t = NULL;

	if (len >= STREAM_TENANT_BYTES)
		t = find_numbered_tenant(l, stream_read_tenant_number(bytes));
	if (t == NULL)
		(void)damaged(l);
	return t;
}

/* False if unpacking failed: the state is damaged. */
static bool
check_unpacked(const struct stream_loader *l, int rc)
{
	return rc == -1 ? damaged(l) : rc == 0;
}

static bool
load_tenant_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_loader *l = ctx;
	const char *nul = memchr(data, '\0', len);
	struct stream_tenant *t;
	struct text name = { data, 0 };

	if (key_len != STREAM_TENANT_BYTES || nul == NULL ||
	    stream_read_tenant_number(key) != l->n)
		return damaged(l);
	name.len = (size_t)(nul - name.p);
	t = stream_tenant(l->stream, name);
	XGROW(l->by_number, l->n, l->cap);
	l->by_number[l->n++] = t;
	/* A run that was killed may have left old waits in the rows. */
	t->age = l->stream->refreshed ? TENANT_FRESH : TENANT_AGED;
	if (!check_unpacked(l, model_unpack_tenant(&t->pipeline.model, nul + 1,
				   len - name.len - 1)))
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
	struct stream_loader *l = ctx;
	struct stream_tenant *t = tenant_at(l, key, key_len);

	return t != NULL &&
	       check_unpacked(
		   l, model_unpack_operator(&t->pipeline.model, data, len));
}

static bool
load_event_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_loader *l = ctx;
	struct stream_tenant *t = tenant_at(l, key, key_len);

	return t != NULL &&
	       check_unpacked(l, model_unpack_event(&t->pipeline.model,
				     (const char *)key + STREAM_TENANT_BYTES,
				     key_len - STREAM_TENANT_BYTES, data, len));
}

static bool
load_chat_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_loader *l = ctx;
	struct stream_tenant *t = tenant_at(l, data, len);
	uint64_t number;

	if (t == NULL || key_len != sizeof number)
		return damaged(l);
	memcpy(&number, key, sizeof number);
	return check_unpacked(l, model_unpack_chat(&t->pipeline.model,
				     (const char *)data + STREAM_TENANT_BYTES,
				     len - STREAM_TENANT_BYTES, number));
}

static bool
load_identity_run(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_loader *l = ctx;
	struct stream_tenant *t = tenant_at(l, key, key_len);
	const unsigned char *b = key;
	uint16_t span;

	if (t == NULL || key_len != RUN_KEY_BYTES)
		return damaged(l);
	b += STREAM_TENANT_BYTES;
	span = (uint16_t)(b[0] << 8 | b[1]);
	if (!t->has_runs || (int16_t)(uint16_t)(span - t->oldest_run) < 0)
		t->oldest_run = span;
	t->has_runs = true;
	return check_unpacked(
	    l, model_unpack_identities(&t->pipeline.model, span, data, len));
}

static bool
load_pending_rows(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_loader *l = ctx;
	struct pack r = pending_rows_open(data, len);
	struct stream_tenant *t;

	if (key_len != sizeof l->stream->pending_version)
		return damaged(l);
	memcpy(&l->stream->pending_version, key, key_len);
	while (pack_more(&r)) {
		t = find_numbered_tenant(l, pending_rows_tenant(&r));
		if (t == NULL || pending_rows_mark(&t->pipeline, &r) == -1)
			return damaged(l);
		/* Rows without a date wait for one, however the run ended. */
		l->stream->unconfirmed |= !stream_is_undated(t);
		stream_touch(t);
	}
	return check_unpacked(l, pack_end(&r));
}

int
stream_load(struct stream *s)
{
	struct stream_loader l = { .stream = s };
	const struct stream_tables *t = &s->tables;
	uint64_t last = 0;

	s->refreshed = state_number(s->state, STREAM_REFRESHED, 0) != 0;
	state_each(t->tenants, NULL, 0, load_tenant_entry, &l);
	state_each(t->operators, NULL, 0, load_operator_entry, &l);
	state_each(t->events, NULL, 0, load_event_entry, &l);
	state_each(t->seen, NULL, 0, load_identity_run, &l);
	state_each(t->chats, NULL, 0, load_chat_entry, &l);
	if (state_last_number(t->chats, &last))
		s->next_number = last;
	s->next_number++;
	state_each(t->pending_rows, NULL, 0, load_pending_rows, &l);
	free(l.by_number);
	if (stream_allocation_load(s) == -1)
		return -1;
	return state_failed(s->state) ? -1 : 0;
}
