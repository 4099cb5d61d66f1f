/*
 * model_duplicates: recognises messages, by chat and id, and events, by id,
 * that have already arrived within the window, with the table in dedup.c. An
 * incremental model lists new identities until they are packed (model_pack.h).
 */
#include "aggregator/model/model_impl.h"

#include "common/base/xalloc.h"

static struct dedup *
open_identities(struct model *m)
{
	struct dedup *s = &m->private->identities;

	if (!s->open)
		dedup_init(s, m->seed);
	return s;
}

static void
list_fresh(struct model *m, struct fingerprint f, uint16_t span)
{
	struct model_private *p = m->private;

	XGROW(p->fresh, p->fresh_n, p->fresh_cap);
	p->fresh[p->fresh_n++] = (struct fresh_id){ f, span };
}

struct fingerprint
identities_make(struct model *m, struct text chat, struct text id)
{
	struct dedup *s = open_identities(m);
	struct fingerprint f = dedup_fingerprint(s, chat, id);

	dedup_prefetch(s, f);
	return f;
}

enum dedup_found
identities_add(struct model *m, struct fingerprint f, int64_t at)
{
	uint16_t span = model_span(m, at);
	enum dedup_found found = dedup_add(&m->private->identities, f, span);

	if (found != DEDUP_KNOWN && m->incremental)
		list_fresh(m, f, span);
	return found;
}

enum dedup_found
identities_find(struct model *m, const struct record *r)
{
	struct fingerprint f = identities_make(m, r->chat, r->id);

	return dedup_find(&m->private->identities, f, model_span(m, r->at));
}

struct dating {
	struct model *model;
	uint16_t span;
};

static void
list_dated(void *ctx, struct fingerprint f)
{
	const struct dating *d = ctx;

	list_fresh(d->model, f, d->span);
}

/* All of them are saved again, with the span. */
void
identities_date(struct model *m)
{
	struct dating d = { m, model_span(m, m->as_of) };

	m->private->fresh_n = 0;
	dedup_date_all(&m->private->identities, d.span, list_dated, &d);
}

void
identities_expire(struct model *m)
{
	int64_t from = m->as_of - m->window, ms = dedup_span_ms(m->window);
	uint16_t oldest = model_span(m, from);

	from -= from % ms + (from % ms < 0 ? ms : 0);
	m->private->identities_until = from + ms + m->window;
	dedup_expire(&m->private->identities, oldest);
}

void
identities_restore(struct model *m, struct fingerprint f, uint16_t span)
{
	(void)dedup_add(open_identities(m), f, span);
}
