/*
 * unsent: see unsent.h. Of each tenant: its number, the keys of chats,
 * operators and events, each list behind its length and each text behind its
 * own, whether its own row changed, and what the flows say, behind its length.
 */
#include "aggregator/unsent.h"

#include <string.h>

static void
put_u32(struct buf *to, size_t n)
{
	uint32_t v = (uint32_t)n;

	buf_add(to, &v, sizeof v);
}

static void
put_text(struct buf *to, struct text t)
{
	put_u32(to, t.len);
	buf_add(to, t.p, t.len);
}

static int
take_u32(const char **p, const char *end, uint32_t *n)
{
	if ((size_t)(end - *p) < sizeof *n)
		return -1;
	memcpy(n, *p, sizeof *n);
	*p += sizeof *n;
	return 0;
}

static int
take_text(const char **p, const char *end, struct text *t)
{
	uint32_t len;

	if (take_u32(p, end, &len) == -1 || len > (size_t)(end - *p))
		return -1;
	t->p = *p;
	t->len = len;
	*p += len;
	return 0;
}

bool
unsent_any(const struct drive *d)
{
	const struct model_changes *c = &d->model.changes;

	return c->chats_n > 0 || c->operators_n > 0 || c->events_n > 0 ||
	       c->totals || (d->flows != NULL && flows_changed(d->flows));
}

void
unsent_pack(const struct drive *d, uint32_t tenant, struct buf *to)
{
	const struct model *m = &d->model;
	const struct model_changes *c = &m->changes;
	struct buf flows = BUF_INIT;
	size_t i;

	put_u32(to, tenant);
	put_u32(to, c->chats_n);
	for (i = 0; i < c->chats_n; i++)
		put_text(to, chat_id(c->chats[i]));
	put_u32(to, c->operators_n);
	for (i = 0; i < c->operators_n; i++)
		put_text(to, operator_id(m, c->operators[i]));
	put_u32(to, c->events_n);
	for (i = 0; i < c->events_n; i++) {
		put_text(to, model_name(m, c->events[i]->user));
		put_text(to, model_name(m, c->events[i]->event));
	}
	put_u32(to, c->totals);
	if (d->flows != NULL)
		flows_unsent(d->flows, &flows);
	put_text(to, (struct text){ buf_str(&flows), flows.len });
	buf_release(&flows);
}

int
unsent_tenant(const char **p, const char *end, uint32_t *tenant)
{
	return take_u32(p, end, tenant);
}

static int
mark_events(struct model *m, const char **p, const char *end)
{
	struct text user, event;
	uint32_t n;

	if (take_u32(p, end, &n) == -1)
		return -1;
	for (; n > 0; n--) {
		if (take_text(p, end, &user) == -1 ||
		    take_text(p, end, &event) == -1)
			return -1;
		model_mark_event(m, user, event);
	}
	return 0;
}

static int
mark_ids(struct model *m, const char **p, const char *end,
    void (*mark)(struct model *m, struct text id))
{
	struct text id;
	uint32_t n;

	if (take_u32(p, end, &n) == -1)
		return -1;
	for (; n > 0; n--) {
		if (take_text(p, end, &id) == -1)
			return -1;
		mark(m, id);
	}
	return 0;
}

int
unsent_mark(struct drive *d, const char **p, const char *end)
{
	struct model *m = &d->model;
	struct text flows;
	uint32_t totals;

	if (mark_ids(m, p, end, model_mark_chat) == -1 ||
	    mark_ids(m, p, end, model_mark_operator) == -1 ||
	    mark_events(m, p, end) == -1 || take_u32(p, end, &totals) == -1 ||
	    take_text(p, end, &flows) == -1)
		return -1;
	if (totals)
		model_mark_waits(m);
	if (flows.len == 0 || d->flows == NULL)
		return 0;
	return flows_unsent_back(d->flows, flows.p, flows.len);
}
