/*
 * changes: see changes.h.
 */
#include "aggregator/model/changes.h"

#include "common/base/xalloc.h"

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
