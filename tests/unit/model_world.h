/*
 * model_world: random records of one tenant for the tests of the model, and
 * what a model makes of them as text, so that two models can be compared.
 */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/strmap.h"

#include "aggregator/metrics/metrics.h"
#include "aggregator/model/model_pack.h"

/* An edit moves a message back by that at most, in ms, or on by twice that. */
#define WORLD_MOVES 75000
#define WORLD_START INT64_C(1795168800000)

/* What a random world is like. */
struct world {
	size_t chats, records;
	int64_t step; /* ms from one record to the next, at most */
	int64_t late; /* how much a record may come late; 0: any order */
	bool transfers, descriptions, events;
	/* What a chat record reports of the past is not older than this, in ms,
	 * and names nobody, or it would have held all that was before: a
	 * stream may have dropped that. 0: any. */
	int64_t reach;
};

struct line {
	struct record r;
	char id[40], chat[48], user[48], operator_id[16], kind[16], name[16];
	char channel[16];
	int64_t order;
};

static uint64_t world_state;

static uint64_t
world_random(uint64_t below)
{
	return dice_below(&world_state, below);
}

static struct text
world_text(char *to, size_t size, const char *prefix, uint64_t n)
{
	struct text t = { to, 0 };

	t.len =
	    (size_t)snprintf(to, size, "%s%llu", prefix, (unsigned long long)n);
	return t;
}

#define WORLD_TEXT(l, field, prefix, n)                                        \
	world_text((l)->field, sizeof(l)->field, prefix, n)

static void
world_system(const struct world *w, struct line *l)
{
	static const char *const kinds[] = { "opened", "closed", "closed",
		"handoff", "other", "assigned" };
	size_t i = world_random(w->transfers ? 6 : 5);

	l->r.from = FROM_SYSTEM;
	snprintf(l->kind, sizeof l->kind, "%s", kinds[i]);
	l->r.kind.p = l->kind;
	l->r.kind.len = strlen(l->kind);
	if (i == 5 && world_random(5) > 0)
		l->r.operator_id =
		    WORLD_TEXT(l, operator_id, "op", world_random(4));
}

static void
world_channel(struct line *l)
{
	l->r.channel = WORLD_TEXT(l, channel, "channel", world_random(3));
	if (world_random(4) == 0)
		l->r.channel.p = NULL;
}

static void
world_message(const struct world *w, struct line *l, size_t number)
{
	static const char *const ids[] = { "", "m-", "an-id-that-is-long-" };
	uint64_t dice = world_random(100);

	l->r.type = RECORD_MESSAGE;
	l->r.id = WORLD_TEXT(l, id, ids[number % 3], number);
	l->r.is_private = world_random(15) == 0;
	l->r.automated = world_random(15) == 0;
	if (dice < 12) {
		world_system(w, l);
	} else if (dice < 55) {
		l->r.from = FROM_CUSTOMER;
		/* Some are longer than a name kept in place. */
		l->r.user = WORLD_TEXT(l, user,
		    dice < 20 ? "customer-with-a-long-name-of-digits-" : "c",
		    world_random(5));
	} else if (dice < 90) {
		l->r.from = FROM_OPERATOR;
		l->r.user = WORLD_TEXT(l, user, "op", world_random(5));
		if (world_random(2) == 0)
			l->r.operator_id =
			    WORLD_TEXT(l, operator_id, "op", world_random(5));
	} else {
		l->r.from = FROM_BOT;
		l->r.kind = WORLD_TEXT(l, kind, "k", world_random(3));
	}
	if (world_random(20) == 0)
		l->r.updated_at = l->r.at + (int64_t)world_random(1000);
	world_channel(l);
}

static void
world_description(const struct world *w, struct line *l)
{
	static const enum chat_status states[] = { CHAT_OPEN, CHAT_OPEN,
		CHAT_OPEN, CHAT_PENDING, CHAT_CLOSED, CHAT_NONE };
	uint64_t reach;

	l->r.type = RECORD_CHAT;
	l->r.status = states[world_random(6)];
	if (world_random(2) == 0 && w->reach == 0)
		l->r.operator_id =
		    WORLD_TEXT(l, operator_id, "op", world_random(4));
	if (world_random(2) == 0)
		l->r.customer = WORLD_TEXT(l, user, "c", world_random(5));
	if (world_random(2) == 0)
		l->r.tag = WORLD_TEXT(l, kind, "tag", world_random(3));
	reach = w->reach > 0 ? (uint64_t)w->reach : 2000000;
	if (world_random(2) == 0)
		l->r.opened_at = l->r.at - (int64_t)world_random(reach);
	if (l->r.status == CHAT_CLOSED && world_random(2) == 0)
		l->r.closed_at = l->r.at - (int64_t)world_random(reach);
}

static void
world_line(const struct world *w, struct line *l, size_t number, int64_t at)
{
	uint64_t dice = world_random(100), chat;

	record_clear(&l->r);
	l->r.at = at;
	chat = world_random(w->chats);
	/* The id of each is of one kind. */
	l->r.chat = WORLD_TEXT(l, chat,
	    chat % 2 == 0 ? "" : "a-chat-whose-id-is-far-too-long-", chat);
	if (dice < 4 && w->descriptions) {
		world_description(w, l);
	} else if (dice < 6) {
		l->r.type = RECORD_OPERATOR;
		l->r.operator_id =
		    WORLD_TEXT(l, operator_id, "op", world_random(6));
		/* One name for ever: which line is the last must not count. */
		l->r.name =
		    WORLD_TEXT(l, name, "name ", (uint64_t)l->operator_id[2]);
	} else if (dice < 12 && w->events) {
		l->r.type = RECORD_EVENT;
		/* Two of one id must not lie further apart than they may. */
		l->r.id = WORLD_TEXT(l, id, "e",
		    w->late > 0 ? number : world_random(w->records));
		l->r.user = WORLD_TEXT(l, user, "u", world_random(4));
		l->r.event = WORLD_TEXT(l, kind, "did", world_random(3));
	} else {
		world_message(w, l, number);
	}
}

static int
world_compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->order > y->order) - (x->order < y->order);
}

/* The texts stand in the line itself, which was moved. */
static void
world_point(struct line *l)
{
	struct record *r = &l->r;

	r->id.p = r->id.p != NULL ? l->id : NULL;
	r->chat.p = l->chat;
	r->user.p = r->user.p != NULL ? l->user : NULL;
	r->customer.p = r->customer.p != NULL ? l->user : NULL;
	r->operator_id.p = r->operator_id.p != NULL ? l->operator_id : NULL;
	r->kind.p = r->kind.p != NULL ? l->kind : NULL;
	r->channel.p = r->channel.p != NULL ? l->channel : NULL;
	r->tag.p = r->tag.p != NULL ? l->kind : NULL;
	r->event.p = r->event.p != NULL ? l->kind : NULL;
	r->name.p = r->name.p != NULL ? l->name : NULL;
}

/* Another version of it, some with nothing but another channel, others often
 * with another time, which comes once more later, maybe when the time of the
 * first one is too old. */
static size_t
world_edit(const struct world *w, struct line *v, size_t number)
{
	int64_t at = v->r.at;
	bool other = world_random(4) > 0;

	if (other)
		world_message(w, v, number);
	else
		world_channel(v);
	v->r.updated_at = at + 2000;
	if (other && world_random(2) == 0)
		v->r.at += (int64_t)world_random(3 * WORLD_MOVES) - WORLD_MOVES;
	if (w->late == 0)
		return 1;
	/* No record is ahead of those that come. */
	if (v->r.at > v->order)
		v->order = v->r.at;
	if (world_random(2) == 0)
		return 1;
	v[1] = v[0];
	v[1].order = v->r.at + w->late + WORLD_MOVES +
		     (int64_t)world_random(WORLD_MOVES);
	return 2;
}

/* Lines in the order in which they come: some twice, some in two versions,
 * some late. Owned. */
static struct line *
world_make(const struct world *w, size_t *n)
{
	struct line *v = xcalloc(w->records * 3, sizeof *v), *l;
	int64_t at = WORLD_START;
	size_t i;

	*n = 0;
	for (i = 0; i < w->records; i++) {
		at += (int64_t)world_random((uint64_t)w->step + 1);
		l = &v[(*n)++];
		world_line(w, l, i, at);
		l->order = w->late == 0
			       ? (int64_t)world_random(UINT64_C(1) << 40)
			       : at + (int64_t)world_random((uint64_t)w->late);
		if (world_random(6) > 0)
			continue;
		v[*n] = *l;
		l = &v[*n];
		l->order += (int64_t)world_random((uint64_t)w->late + 1) / 4;
		if (l->r.type == RECORD_MESSAGE && world_random(3) == 0)
			*n += world_edit(w, l, i);
		else
			*n += 1;
	}
	qsort(v, *n, sizeof *v, world_compare);
	for (i = 0; i < *n; i++)
		world_point(&v[i]);
	return v;
}

/* How often each text was put in, less how often it was taken out. */
struct bag {
	struct strmap map;
};

static void
bag_add(struct bag *b, const struct buf *text, int n)
{
	void **slot = strmap_put(&b->map, text->data, text->len);

	*slot = (void *)((intptr_t)*slot + n);
}

static void
bag_include(const struct bag *a, const struct bag *b, const char *what)
{
	struct strmap_entry *e;
	size_t i = 0;
	void *other;

	while ((e = strmap_next(&a->map, &i)) != NULL) {
		other = strmap_get(&b->map, e->key, e->key_len);
		if (other != e->value)
			fail_msg("%s: %d and %d times: %s", what,
			    (int)(intptr_t)e->value, (int)(intptr_t)other,
			    e->key);
	}
}

static void
bag_same(const struct bag *a, const struct bag *b, const char *what)
{
	bag_include(a, b, what);
	bag_include(b, a, what);
}

static void
bag_release(struct bag *b)
{
	strmap_release(&b->map, NULL);
}

/* An interval as a model reports it; ctx is a bag. */
static void
world_interval(void *ctx, const struct model *m, const struct chat *c,
    const struct interval *i, bool withdrawn)
{
	struct buf b = BUF_INIT;
	char id[MESSAGE_ID_TEXT];

	buf_addf(&b, "%.*s %s %lld %lld %lld %d %.*s %.*s %.*s",
	    TEXT_ARG(chat_id(c)), clocks_interval_name(i->kind),
	    (long long)i->start, (long long)i->end, (long long)i->ms, i->skewed,
	    TEXT_ARG(interval_operator(m, i)),
	    TEXT_ARG(interval_message(m, i, id)),
	    TEXT_ARG(lexicon_channel_text(&m->lexicon, i->channel)));
	bag_add(ctx, &b, withdrawn ? -1 : 1);
	buf_release(&b);
}

/* The metrics that are made of the model. */
static bool
world_has(const struct metric *f)
{
	return f->emit != NULL || f->items != NULL;
}

static void
world_row(struct buf *b, const struct metric *f, const struct cell *c)
{
	size_t i;

	buf_clear(b);
	buf_adds(b, f->table->name);
	for (i = 0; i < table_cells(f->table); i++) {
		if (!c[i].set)
			buf_adds(b, " -");
		else if (cell_form(table_cell(f->table, i)) == CELL_TEXT)
			buf_addf(b, " '%.*s'", TEXT_ARG(c[i].text));
		else
			buf_addf(b, " %lld", (long long)c[i].n);
	}
}

/* All rows of a recomputed model. */
static void
world_rows(const struct model *m, struct bag *to)
{
	struct buf b = BUF_INIT;
	size_t i, j;

	for (i = 0; i < metrics_n; i++) {
		struct rowset rows = { .metric = metrics[i] };

		if (!world_has(metrics[i]))
			continue;
		metric_emit(m, &rows, ROWS_ALL);
		for (j = 0; j < rows.n; j++) {
			world_row(&b, metrics[i], rowset_get(&rows, j));
			bag_add(to, &b, 1);
		}
		rowset_release(&rows);
	}
	buf_release(&b);
}

#endif
