/*
 * stream_pending: the keys of the rows that a flush writes. They are committed
 * together with the state from which the rows are made. After a crash, the keys
 * are read back and the rows made again. Rows have complete values, so writing
 * them twice does no harm. The format, per tenant: its number; the keys of
 * chats and operators, each list after its length; whether the tenant's own row
 * changed; and the keys of the streaming metrics.
 */
#include "aggregator/stream/stream.h"

#include <string.h>

#include "common/containers/pack.h"

#define LAYOUT 2

bool
stream_has_rows(const struct pipeline *d)
{
	const struct model_changes *c = &d->model.changes;

	return c->chats_n > 0 || c->operators_n > 0 || c->totals ||
	       (d->streaming != NULL &&
		   streaming_metrics_changed(d->streaming));
}

/* Appends the tenant's number in the state and the keys of its changed rows. */
static void
pack_rows(const struct pipeline *d, uint32_t tenant, struct buf *to)
{
	const struct model *m = &d->model;
	const struct model_changes *c = &m->changes;
	struct buf streaming = BUF_INIT;
	size_t i;

	if (to->len == 0)
		pack_put_number(to, LAYOUT);
	pack_put_number(to, tenant);
	pack_put_number(to, c->chats_n);
	for (i = 0; i < c->chats_n; i++)
		pack_put_text(to, chat_id(c->chats[i]));
	pack_put_number(to, c->operators_n);
	for (i = 0; i < c->operators_n; i++)
		pack_put_text(to, operator_id(m, c->operators[i]));
	pack_put_number(to, c->totals);
	if (d->streaming != NULL)
		streaming_metrics_pending(d->streaming, &streaming);
	pack_put_text(to, (struct text){ buf_str(&streaming), streaming.len });
	buf_release(&streaming);
}

static void
mark_ids(struct model *m, struct pack *r,
    void (*mark)(struct model *m, struct text id))
{
	uint64_t n = pack_count(r, 1);
	struct text id;

	for (; n > 0 && !r->bad; n--) {
		id = pack_text(r);
		r->bad |= id.p == NULL;
		if (!r->bad)
			mark(m, id);
	}
}

/* Marks the rows as changed. Returns -1, or sets r->bad, if the bytes are
 * malformed. */
static int
mark_rows(struct pipeline *d, struct pack *r)
{
	struct model *m = &d->model;
	struct text streaming;
	uint64_t totals;

	mark_ids(m, r, model_mark_chat);
	mark_ids(m, r, model_mark_operator);
	totals = pack_number(r);
	streaming = pack_text(r);
	if (r->bad)
		return -1;
	if (totals != 0)
		model_mark_waits(m);
	if (streaming.len == 0 || d->streaming == NULL)
		return 0;
	return streaming_metrics_restore_pending(
	    d->streaming, streaming.p, streaming.len);
}

void
stream_save_pending(struct stream *s)
{
	struct buf keys = BUF_INIT;
	struct stream_tenant *t;
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		t = s->tenants[i];
		if ((t->touched || stream_is_undated(t)) &&
		    stream_has_rows(&t->pipeline))
			pack_rows(&t->pipeline, t->number, &keys);
	}
	if (s->pending_version != 0)
		state_delete(s->tables.pending_rows, &s->pending_version,
		    sizeof s->pending_version);
	s->pending_version = 0;
	if (keys.len > 0) {
		s->pending_version = (uint64_t)state_version(s->state);
		state_put(s->tables.pending_rows, &s->pending_version,
		    sizeof s->pending_version, keys.data, keys.len);
	}
	buf_release(&keys);
}

static bool
load_pending_rows(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	struct pack r = pack_open(data, len, LAYOUT);
	uint64_t n;

	r.bad |= key_len != sizeof s->pending_version;
	if (!r.bad)
		memcpy(&s->pending_version, key, key_len);
	while (pack_more(&r) && !r.bad) {
		n = pack_number(&r);
		if (n >= s->tenants_n ||
		    mark_rows(&s->tenants[n]->pipeline, &r) == -1)
			break;
		stream_touch(s->tenants[n]);
	}
	if (pack_end(&r) == -1)
		state_set_damaged(s->state);
	return !state_failed(s->state);
}

void
stream_load_pending(struct stream *s)
{
	state_each(s->tables.pending_rows, NULL, 0, load_pending_rows, s);
}
