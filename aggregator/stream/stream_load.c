/*
 * stream_load: reads the state at the start: of each tenant its operators,
 * events, identities and the heads of its chats. Messages of a chat are read
 * when a record of it comes. Then it marks the rows whose keys are pending, so
 * that they are written again.
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/model/model_pack.h"
#include "aggregator/tenant/pending_rows.h"

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

static uint32_t
read_u32(const void *p)
{
	const unsigned char *b = p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
	       (uint32_t)b[2] << 8 | b[3];
}

/* The tenant that a key begins with; NULL: damaged. */
static struct stream_tenant *
tenant_of_key(const struct stream_loader *l, const void *key, size_t key_len)
{
	struct stream_tenant *t =
	    key_len >= 4 ? find_numbered_tenant(l, read_u32(key)) : NULL;

	if (t == NULL)
		state_set_damaged(l->stream->state);
	return t;
}

/* False if unpacking failed: the state is damaged. */
static bool
check_unpacked(const struct stream_loader *l, int rc)
{
	if (rc == -1)
		state_set_damaged(l->stream->state);
	return rc == 0;
}

static bool
load_tenant_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_loader *l = ctx;
	const char *nul = memchr(data, '\0', len);
	struct stream_tenant *t;
	struct text name = { data, 0 };

	if (key_len != 4 || nul == NULL || read_u32(key) != l->n)
		return check_unpacked(l, -1);
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
	struct stream_tenant *t = tenant_of_key(l, key, key_len);

	return t != NULL &&
	       check_unpacked(
		   l, model_unpack_operator(&t->pipeline.model, data, len));
}

static bool
load_event_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_loader *l = ctx;
	struct stream_tenant *t = tenant_of_key(l, key, key_len);

	return t != NULL &&
	       check_unpacked(
		   l, model_unpack_event(&t->pipeline.model,
			  (const char *)key + 4, key_len - 4, data, len));
}

static bool
load_chat_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_loader *l = ctx;
	struct stream_tenant *t = tenant_of_key(l, data, len);
	uint64_t number;

	if (t == NULL)
		return false;
	memcpy(&number, key, key_len < sizeof number ? key_len : sizeof number);
	return check_unpacked(l, model_unpack_chat(&t->pipeline.model,
				     (const char *)data + 4, len - 4, number));
}

static bool
load_identity_run(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_loader *l = ctx;
	struct stream_tenant *t = tenant_of_key(l, key, key_len);
	const unsigned char *b = key;
	uint16_t span;

	if (t == NULL || key_len != 14)
		return check_unpacked(l, -1);
	span = (uint16_t)(b[4] << 8 | b[5]);
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

	memcpy(&l->stream->pending_version, key,
	    key_len < sizeof l->stream->pending_version
		? key_len
		: sizeof l->stream->pending_version);
	while (pack_more(&r)) {
		t = find_numbered_tenant(l, pending_rows_tenant(&r));
		if (t == NULL || pending_rows_mark(&t->pipeline, &r) == -1)
			return check_unpacked(l, -1);
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
	state_each(t->dedup, NULL, 0, load_identity_run, &l);
	state_each(t->chats, NULL, 0, load_chat_entry, &l);
	if (state_last_number(t->chats, &last))
		s->next_number = last;
	s->next_number++;
	state_each(t->pending_rows, NULL, 0, load_pending_rows, &l);
	stream_redelivery_load(s);
	free(l.by_number);
	if (stream_allocation_load(s) == -1)
		return -1;
	return state_failed(s->state) ? -1 : 0;
}
