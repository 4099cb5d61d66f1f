/*
 * model_private: see model_private.h.
 */
#include "aggregator/model/model_private.h"

#include "common/base/buf.h"
#include "common/base/xalloc.h"

struct dedup *
identities_of(const struct model *m)
{
	struct dedup *s = &m->private->events;

	if (!s->open) {
		dedup_init(s, m->seed, m->window);
		s->lists = m->incremental;
	}
	return s;
}

bool
remember_arrival(struct model *m, char what, const struct text *parts, size_t n)
{
	struct dedup *s = identities_of(m);
	struct buf b = BUF_INIT;
	bool new;
	size_t i;

	/* The id of an event has no control characters. */
	buf_addc(&b, '\0');
	buf_addc(&b, what);
	for (i = 0; i < n; i++) {
		buf_addf(&b, "%zu", parts[i].p != NULL ? parts[i].len + 1 : 0);
		buf_addc(&b, '\0');
		if (parts[i].p != NULL)
			buf_add(&b, parts[i].p, parts[i].len);
	}
	new = dedup_add(s, dedup_fingerprint(s, (struct text){ b.data, b.len }),
	    m->as_of != CLOCK_NONE ? m->as_of : 0);
	buf_release(&b);
	return new;
}

void
touch_chat(struct model *m, struct chat *c, bool derive)
{
	c->dirty |= derive;
	c->trimmed &= !derive;
	if (c->listed || !m->incremental)
		return;
	c->listed = true;
	XGROW(m->changes.chats, m->changes.chats_n, m->changes.chats_cap);
	m->changes.chats[m->changes.chats_n++] = c;
}

void
touch_operator(struct model *m, struct operator_info *o)
{
	struct model_changes *to = &m->changes;

	if (o->changed || !m->incremental)
		return;
	o->changed = true;
	XGROW(to->operators, to->operators_n, to->operators_cap);
	to->operators[to->operators_n++] = o;
}
