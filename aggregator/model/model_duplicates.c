/*
 * model_duplicates: recognises, by chat and message id, messages that came
 * before within the window, with the table of dedup.c. An incremental model
 * lists new identities until they are packed (model_pack.h).
 */
#include "aggregator/model/model_impl.h"

#include "common/base/xalloc.h"

void
identities_list_fresh(struct model *m, const struct fresh_id *x)
{
	struct model_private *p = m->private;

	XGROW(p->fresh, p->fresh_n, p->fresh_cap);
	p->fresh[p->fresh_n++] = *x;
}

struct fingerprint
identities_make(struct model *m, struct text chat, struct text id)
{
	struct dedup *s = &m->private->dedup_messages;
	struct fingerprint f;

	if (s->width == 0)
		dedup_init(s, m->seed, 0);
	f = dedup_fingerprint(s, chat, id);
	dedup_prefetch(s, f);
	return f;
}

enum dedup_found
identities_add(struct model *m, struct fingerprint f, int64_t at)
{
	uint16_t span = model_span(m, at);
	enum dedup_found found =
	    dedup_add(&m->private->dedup_messages, f, span);

	if (found != DEDUP_KNOWN && m->incremental)
		identities_list_fresh(
		    m, &(struct fresh_id){ .f = f, .span = span });
	return found;
}

enum dedup_found
identities_find(struct model *m, const struct record *r)
{
	struct fingerprint f = identities_make(m, r->chat, r->id);

	return dedup_find(&m->private->dedup_messages, f, model_span(m, r->at));
}

void
identities_expire(struct model *m)
{
	int64_t from = m->as_of - m->window, ms = dedup_span_ms(m->window);
	uint16_t oldest = model_span(m, from);

	from -= from % ms + (from % ms < 0 ? ms : 0);
	m->private->identities_until = from + ms + m->window;
	dedup_expire(&m->private->dedup_messages, oldest);
	dedup_expire(&m->private->dedup_events, oldest);
}

void
identities_restore(struct model *m, struct fingerprint f, uint16_t span)
{
	struct dedup *s = &m->private->dedup_messages;

	if (s->width == 0)
		dedup_init(s, m->seed, 0);
	(void)dedup_add(s, f, span);
}
