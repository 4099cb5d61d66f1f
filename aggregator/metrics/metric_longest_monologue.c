/*
 * longest_monologue: of each conversation the most messages in a row by one
 * side: the customer's, or that of operators and bots together. Messages that
 * do not count (notes, automated ones, those of the system) are no part of it
 * and do not interrupt. The order is that of the clocks, by time and then id.
 *
 * Of a conversation a base is kept, the run up to a time before which nothing
 * can come or change any more, and after it the younger messages, linked in
 * their order. A message that comes last continues the run of all; after any
 * other change that run is counted anew from the base, when a row needs it.
 * Where nothing is ever too old, as in a file, messages are linked as they come
 * and put in order then.
 * Messages move to the base as soon as the window has passed them. Where a
 * snapshot brings older ones still, they count as if they came right after the
 * base.
 *
 * All is counted since the conversation was last silent for longer than
 * [aggregator] forget; then it is deleted.
 */
#include "aggregator/counting/streaming_metric.h"
#include "aggregator/metrics/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/containers/interner.h"

/* Messages move to the base this long after the window, so several at once. */
#define LINGER_MS HOUR_MS

/* What the messages in order amount to. */
struct monologue_run {
	int64_t last_at;
	uint64_t length, longest; /* the current one; 0: there was none */
	uint64_t side;
};

struct monologue {
	struct monologue_run base, all;
	uint32_t first, last; /* of the messages after the base; 0: none */
	uint32_t number;      /* of the newest one */
	uint8_t stale;        /* `all` must be counted anew */
	int64_t known_last;   /* also of withdrawn messages */
	int64_t due;          /* when it is reviewed */
};

/* One message; its key is the chat and its number. */
struct link {
	int64_t at;
	uint32_t before, after; /* 0: none */
	uint8_t side, id_len;
	char id[RECORD_MAX_ID + 1];
};

struct monologues {
	struct keyed_state table; /* by chat */
	struct keyed_state links; /* (chat, number) */
	struct timer_queue timer_queue;
	bool lasts; /* in a stream that refuses late messages: in order */
	int64_t window, forget;
};

static void *
monologues_open(const struct streaming_metric_setup *setup)
{
	struct monologues *f = xcalloc(1, sizeof *f);

	keyed_state_open(
	    &f->table, setup->home, "monologues", sizeof(struct monologue));
	keyed_state_open(
	    &f->links, setup->home, "monologue_messages", sizeof(struct link));
	timer_queue_open(&f->timer_queue, setup->home, "monologues_due");
	f->lasts = setup->home->state != NULL && setup->home->window_ms > 0;
	f->window = setup->home->window_ms;
	f->forget = streaming_metric_conf(setup, "forget");
	return f;
}

static void
monologues_close(void *ctx)
{
	struct monologues *f = ctx;

	keyed_state_close(&f->table);
	keyed_state_close(&f->links);
	timer_queue_close(&f->timer_queue);
	free(f);
}

static void
run_add(const struct monologues *f, struct monologue_run *r, int64_t at,
    unsigned side)
{
	if (r->length > 0 && at - r->last_at > f->forget)
		r->length = r->longest = 0;
	r->length = r->length > 0 && r->side == side ? r->length + 1 : 1;
	r->side = side;
	r->last_at = at;
	if (r->length > r->longest)
		r->longest = r->length;
}

static struct key
link_key(const struct monologue *c, uint32_t number)
{
	struct key k;

	key_begin_with(&k, keyed_state_key(c));
	key_number(&k, number);
	return k;
}

/* The message with that number; NULL for 0. */
static struct link *
link_find(struct monologues *f, const struct monologue *c, uint32_t number)
{
	struct key k = link_key(c, number);

	return number != 0 ? keyed_state_find(&f->links, k.bytes, k.len) : NULL;
}

/* Where the message with that time and id is or would be: <0 before the link, 0
 * at it, >0 after it. */
static int
compare_to_link(const struct streaming_metric_message *m, struct text id,
    const struct link *l)
{
	if (m->at != l->at)
		return m->at < l->at ? -1 : 1;
	return id_compare(id.p, id.len, l->id, l->id_len);
}

/* The last link not after the message, and its *number; NULL: all are. Without
 * an order it is the last one. */
static struct link *
find_place(struct monologues *f, const struct monologue *c,
    const struct streaming_metric_message *m, uint32_t *number)
{
	struct link *l = link_find(f, c, c->last);

	for (*number = c->last;
	     f->lasts && l != NULL && compare_to_link(m, m->id, l) < 0;) {
		*number = l->before;
		l = link_find(f, c, l->before);
	}
	return l;
}

/* The link of the message with that time and id, or NULL. */
static struct link *
find_message(struct monologues *f, const struct monologue *c,
    const struct streaming_metric_message *m, struct text id)
{
	struct link *l = link_find(f, c, c->last);
	int order = -1;

	for (; l != NULL; l = link_find(f, c, l->before)) {
		order = compare_to_link(m, id, l);
		if (order == 0 || (order > 0 && f->lasts))
			break;
	}
	return order == 0 ? l : NULL;
}

/* Links two messages that follow each other; 0 is either end of the list. */
static void
join_links(
    struct monologues *f, struct monologue *c, uint32_t before, uint32_t after)
{
	struct link *b = link_find(f, c, before), *n = link_find(f, c, after);

	if (b != NULL) {
		b->after = after;
		keyed_state_change(&f->links, b);
	} else {
		c->first = after;
	}
	if (n != NULL) {
		n->before = before;
		keyed_state_change(&f->links, n);
	} else {
		c->last = before;
	}
}

static struct monologue *
find_monologue(
    struct monologues *f, const struct streaming_metric_message *m, bool make)
{
	struct monologue *c;
	struct key k;
	bool made = false;

	k.len = 0;
	key_text(&k, m->chat);
	c = make ? keyed_state_get(&f->table, k.bytes, k.len, &made)
		 : keyed_state_find(&f->table, k.bytes, k.len);
	if (made)
		c->known_last = CLOCK_NONE;
	return c;
}

static void
schedule_monologue(struct monologues *f, struct monologue *c, int64_t due)
{
	struct text chat = keyed_state_key(c);

	c->due = due;
	if (f->lasts)
		timer_queue_add(&f->timer_queue, due, chat.p, chat.len);
}

/* Moves the messages before that time to the base. */
static void
move_to_base(struct monologues *f, struct monologue *c, int64_t before)
{
	struct link *l;

	while ((l = link_find(f, c, c->first)) != NULL && l->at < before) {
		run_add(f, &c->base, l->at, l->side);
		join_links(f, c, 0, l->after);
		keyed_state_delete(&f->links, l);
	}
}

/* Messages before that are too old for a change. */
static int64_t
oldest_change(const struct monologues *f)
{
	int64_t now = f->table.home->now;

	return now == CLOCK_NONE ? CLOCK_NONE : now - f->window;
}

/* What is too old for a change moves to the base, and is dropped when nothing
 * can follow it in time, whether or not its review has come. */
static void
age_links(struct monologues *f, struct monologue *c)
{
	int64_t now = f->table.home->now;

	if (!f->lasts)
		return;
	keyed_state_change(&f->table, c);
	move_to_base(f, c, oldest_change(f));
	if (c->first == 0 && c->base.length > 0 &&
	    c->base.last_at + f->forget + f->window < now)
		c->base = c->all = (struct monologue_run){ 0 };
}

static struct monologue *
insert_message(struct monologues *f, const struct streaming_metric_message *m)
{
	struct monologue *c = find_monologue(f, m, true);
	uint32_t before, after, number = ++c->number;
	struct key k = link_key(c, number);
	struct link *l;
	bool behind;

	/* Else it is all within the window. */
	if (c->known_last != CLOCK_NONE && c->known_last < oldest_change(f))
		age_links(f, c);
	l = find_place(f, c, m, &before);
	after = l != NULL ? l->after : c->first;
	behind = after == 0 && (l == NULL || compare_to_link(m, m->id, l) >= 0);
	l = keyed_state_get(&f->links, k.bytes, k.len, NULL);
	l->at = m->at;
	l->side = m->from == FROM_CUSTOMER;
	l->id_len = (uint8_t)m->id.len;
	memcpy(l->id, m->id.p, m->id.len);
	keyed_state_change(&f->links, l);
	join_links(f, c, before, number);
	join_links(f, c, number, after);
	if (m->at > c->known_last)
		c->known_last = m->at;
	if (before == 0 && after == 0)
		schedule_monologue(f, c, m->at + f->window + LINGER_MS);
	if (!behind)
		c->stale = true;
	else if (!c->stale)
		run_add(f, &c->all, m->at, l->side);
	return c;
}

/* Whether a message of that time, not linked, is part of the base. */
static bool
is_in_base(const struct monologue *c, int64_t at)
{
	return c != NULL && c->base.length > 0 && at <= c->base.last_at;
}

/* Whether it was removed, or there was none: what the base has stays. */
static bool
remove_message(struct monologues *f, const struct streaming_metric_message *old,
    struct text id)
{
	struct monologue *c = find_monologue(f, old, false);
	struct link *l = NULL;

	if (c != NULL) {
		age_links(f, c);
		l = find_message(f, c, old, id);
	}
	if (l == NULL)
		return !is_in_base(c, old->at);
	join_links(f, c, l->before, l->after);
	keyed_state_delete(&f->links, l);
	age_links(f, c);
	c->stale = true;
	keyed_state_emit(&f->table, c);
	return true;
}

static void
monologues_message(void *ctx, const struct streaming_metric_message *m,
    const struct streaming_metric_message *old)
{
	struct monologues *f = ctx;
	struct monologue *c;

	/* One that stays where it was must not count twice. */
	if (old != NULL && old->counted && !remove_message(f, old, m->id))
		return;
	if (!m->counted)
		return;
	c = insert_message(f, m);
	keyed_state_emit(&f->table, c);
}

static int
compare_links(const void *a, const void *b)
{
	const struct link *const *x = a, *const *y = b;

	if ((*x)->at != (*y)->at)
		return (*x)->at < (*y)->at ? -1 : 1;
	return id_compare((*x)->id, (*x)->id_len, (*y)->id, (*y)->id_len);
}

/* Adds to r the messages from l on, which are in no order. */
static void
add_unordered(struct monologues *f, const struct monologue *c,
    const struct link *l, int64_t before, struct monologue_run *r)
{
	const struct link **v = NULL;
	size_t n = 0, cap = 0, i;

	for (; l != NULL; l = link_find(f, c, l->after)) {
		XGROW(v, n, cap);
		v[n++] = l;
	}
	if (n > 1)
		qsort(v, n, sizeof *v, compare_links);
	for (i = 0; i < n && v[i]->at < before; i++)
		run_add(f, r, v[i]->at, v[i]->side);
	free(v);
}

/* The run of the messages before that time. */
static struct monologue_run
run_before(struct monologues *f, const struct monologue *c, int64_t before)
{
	const struct link *l = link_find(f, c, c->first);
	struct monologue_run r = c->base;

	if (!f->lasts)
		add_unordered(f, c, l, before, &r);
	else
		for (; l != NULL && l->at < before;
		     l = link_find(f, c, l->after))
			run_add(f, &r, l->at, l->side);
	return r;
}

/* A conversation is due: old messages move to its base, and all of it is
 * deleted once nothing can follow its last message in a row. */
static void
review_monologue(
    struct monologues *f, struct text key, int64_t due, int64_t newest)
{
	struct monologue *c = keyed_state_find(&f->table, key.p, key.len);
	const struct link *l;

	if (c == NULL || c->due != due)
		return;
	move_to_base(f, c, newest - f->window);
	l = link_find(f, c, c->first);
	if (l == NULL && c->known_last + f->forget + f->window < newest &&
	    !keyed_state_is_pending(c)) {
		keyed_state_delete(&f->table, c);
		return;
	}
	due = l != NULL ? l->at + f->window + LINGER_MS
			: c->known_last + f->forget + f->window + 1;
	schedule_monologue(f, c, due > newest ? due : newest + 1);
	keyed_state_change(&f->table, c);
}

static void
monologues_advance(void *ctx, int64_t newest, bool refresh)
{
	struct monologues *f = ctx;
	struct text key;
	int64_t due;

	(void)refresh;
	while (
	    f->lasts && timer_queue_next(&f->timer_queue, newest, &key, &due))
		review_monologue(f, key, due, newest);
}

static void
monologues_emit(void *ctx, struct rowset *to, enum metric_rows which)
{
	struct monologues *f = ctx;
	struct monologue *c;
	struct cell *cell;
	size_t n, i, at;
	void **list = keyed_state_list(&f->table, which == ROWS_ALL, &n);

	for (i = 0; i < n; i++) {
		c = list[i];
		if (c->stale)
			c->all = run_before(f, c, INT64_MAX);
		c->stale = false;
		if (which == ROWS_ALL && c->all.longest == 0)
			continue;
		at = 0;
		cell = rowset_add(to);
		cell = cell_id(cell, key_read_text(keyed_state_key(c), &at));
		cell = cell_count(cell, c->all.longest);
		cell_time(
		    cell, c->all.longest > 0 ? c->all.last_at : c->known_last);
	}
	free(list);
}

static const struct streaming_metric_ops ops = {
	.open = monologues_open,
	.close = monologues_close,
	.message = monologues_message,
	.advance = monologues_advance,
	.emit = monologues_emit,
};

const struct metric metric_longest_monologue = {
	.table = &tables[TABLE_longest_monologue],
	.streaming = &ops,
};
