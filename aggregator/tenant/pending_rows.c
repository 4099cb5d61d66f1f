/*
 * pending_rows: see pending_rows.h. The bytes have of each tenant: its number;
 * the keys of chats, operators and events, each list after its length; whether
 * the tenant's own row changed; and those of the streaming metrics.
 */
#include "aggregator/tenant/pending_rows.h"

#define LAYOUT 1

bool
pending_rows_any(const struct pipeline *d)
{
	const struct model_changes *c = &d->model.changes;

	return c->chats_n > 0 || c->operators_n > 0 || c->events_n > 0 ||
	       c->totals ||
	       (d->streaming != NULL &&
		   streaming_metrics_changed(d->streaming));
}

void
pending_rows_pack(const struct pipeline *d, uint32_t tenant, struct buf *to)
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
	pack_put_number(to, c->events_n);
	for (i = 0; i < c->events_n; i++) {
		pack_put_text(to, model_name(m, c->events[i]->user));
		pack_put_text(to, model_name(m, c->events[i]->event));
	}
	pack_put_number(to, c->totals);
	if (d->streaming != NULL)
		streaming_metrics_pending(d->streaming, &streaming);
	pack_put_text(to, (struct text){ buf_str(&streaming), streaming.len });
	buf_release(&streaming);
}

struct pack
pending_rows_open(const void *data, size_t len)
{
	return pack_open(data, len, LAYOUT);
}

uint32_t
pending_rows_tenant(struct pack *r)
{
	uint64_t n = pack_number(r);

	r->bad |= n > UINT32_MAX;
	return (uint32_t)n;
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

static void
mark_events(struct model *m, struct pack *r)
{
	uint64_t n = pack_count(r, 2);
	struct text user, event;

	for (; n > 0 && !r->bad; n--) {
		user = pack_text(r);
		event = pack_text(r);
		if (!r->bad)
			model_mark_event(m, user, event);
	}
}

int
pending_rows_mark(struct pipeline *d, struct pack *r)
{
	struct model *m = &d->model;
	struct text streaming;
	uint64_t totals;

	mark_ids(m, r, model_mark_chat);
	mark_ids(m, r, model_mark_operator);
	mark_events(m, r);
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
