/*
 * model_recompute: derives every chat that has changed, and keeps the lists of
 * what has changed until model_clear_changed().
 */
#include "aggregator/model/model.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

#include "aggregator/containers/id_order.h"
#include "aggregator/model/changes.h"
#include "aggregator/model/chat_credits.h"
#include "aggregator/model/chat_descriptions.h"
#include "aggregator/model/chat_recompute.h"
#include "aggregator/model/chat_versions.h"
#include "aggregator/model/drop_chats.h"
#include "aggregator/model/model_pack.h"
#include "aggregator/model/model_times.h"

/* Prefetches the next chats before the i-th of n chats is derived. */
static void
prefetch_next(struct chat *const *v, size_t n, size_t i)
{
	const char *c;
	size_t line;

	if (i + 4 < n)
		for (c = (const char *)v[i + 4], line = 0; line < sizeof **v;
		     line += 64)
			__builtin_prefetch(c + line);
	if (i + 2 < n) {
		c = (const char *)v[i + 2]->messages;
		for (line = 0;
		     line < v[i + 2]->n * sizeof(struct message) && line < 1024;
		     line += 64)
			__builtin_prefetch(c + line);
		__builtin_prefetch(v[i + 2]->descriptions);
	}
}

static void
recompute_changed(struct model *m)
{
	struct model_changes *x = &m->changes;
	struct chat *c;
	size_t i;

	for (i = 0; i < x->chats_n; i++) {
		prefetch_next(x->chats, x->chats_n, i);
		c = x->chats[i];
		if (c->dirty && !c->gone)
			chat_recompute(m, c);
	}
	if (m->window > 0 && m->as_of != CLOCK_NONE)
		chats_expire(m);
}

static void
sort_chats(struct chat **v, size_t n)
{
	struct id_order_item *items = xcalloc(n + 1, sizeof *items);
	size_t i;

	for (i = 0; i < n; i++)
		id_order_set(&items[i], chat_id(v[i]), v[i]);
	id_order_sort(items, n);
	for (i = 0; i < n; i++)
		v[i] = items[i].item;
	free(items);
}

static void
sort_operators(const struct model *m, struct operator_info **v, size_t n)
{
	struct id_order_item *items = xcalloc(n + 1, sizeof *items);
	size_t i;

	for (i = 0; i < n; i++)
		id_order_set(&items[i], model_name(m, v[i]->id), v[i]);
	id_order_sort(items, n);
	for (i = 0; i < n; i++)
		v[i] = items[i].item;
	free(items);
}

/* For a model that is not incremental: its chats are in any order, and are
 * recomputed once. */
static void
recompute_all(struct model *m)
{
	size_t i;

	sort_chats(m->chats, m->chats_n);
	for (i = 0; i < m->chats_n; i++) {
		prefetch_next(m->chats, m->chats_n, i);
		messages_identify(m, m->chats[i]);
		descriptions_sort(m, m->chats[i]);
		chat_recompute(m, m->chats[i]);
	}
	sort_operators(m, m->operators, m->operators_n);
}

void
model_recompute(struct model *m)
{
	if (m->incremental)
		recompute_changed(m);
	else
		recompute_all(m);
	m->now = model_by_clock(m, m->as_of);
	if (m->now < m->since) /* the clock was set back */
		m->now = m->since;
	m->present = m->now;
	if (m->by_clock && m->now != CLOCK_NONE)
		m->present = model_by_clock(m, INT64_MAX);
	if (m->present < m->now)
		m->present = m->now;
	m->totals.longest_wait = credits_longest_wait(m, &m->totals.waits);
}

void
model_list_all(struct model *m)
{
	size_t i;

	for (i = 0; i < m->chats_n; i++)
		touch_chat(m, m->chats[i], false);
	for (i = 0; i < m->operators_n; i++)
		touch_operator(m, m->operators[i]);
	m->changes.totals = true;
	coverage_mark_all(&m->coverage);
}

void
model_mark_waits(struct model *m)
{
	size_t i;

	for (i = 0; i < m->operators_n; i++)
		if (m->operators[i]->waits.n > 0)
			touch_operator(m, m->operators[i]);
	m->changes.totals = true;
}

/* The next new chat reuses the memory of a freed one. */
void
model_clear_changed(struct model *m)
{
	struct model_changes *x = &m->changes;
	struct chat *c;
	size_t i;

	for (i = 0; i < x->chats_n; i++) {
		c = x->chats[i];
		c->listed = false;
		c->left = false;
		model_chat_packed(c);
		if (c->gone)
			chats_free(m, c);
	}
	for (i = 0; i < x->operators_n; i++) {
		x->operators[i]->changed = false;
		x->operators[i]->described = false;
	}
	x->chats_n = 0;
	x->operators_n = 0;
	x->totals = false;
	coverage_clear_marks(&m->coverage);
}
