/*
 * allocation: chats and what becomes of them; see allocation.h. Whatever
 * changes of a chat, alloc_settle() then counts it for who has it and puts it
 * where it belongs; of two that wait there the older is served first
 * (by_arrival).
 */
#include "aggregator/allocation/allocation_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

static int
by_arrival(const struct alloc_chat *a, const struct alloc_chat *b)
{
	if (a->arrival != b->arrival)
		return a->arrival < b->arrival ? -1 : 1;
	return text_compare(a->id, b->id);
}

int
alloc_compare_chats(const struct treap_node *x, const struct treap_node *y)
{
	return by_arrival(TREAP_OF(x, const struct alloc_chat, node),
	    TREAP_OF(y, const struct alloc_chat, node));
}

int
alloc_compare_owed(const struct treap_node *x, const struct treap_node *y)
{
	return text_compare(TREAP_OF(x, const struct alloc_chat, owed)->id,
	    TREAP_OF(y, const struct alloc_chat, owed)->id);
}

static int
compare_lines(const struct treap_node *x, const struct treap_node *y)
{
	return by_arrival(TREAP_OF(x, const struct alloc_line, node)->head,
	    TREAP_OF(y, const struct alloc_line, node)->head);
}

static int
compare_timers(const struct treap_node *x, const struct treap_node *y)
{
	const struct alloc_timer *a =
	    TREAP_OF(x, const struct alloc_timer, node);
	const struct alloc_timer *b =
	    TREAP_OF(y, const struct alloc_timer, node);

	if (a->due != b->due)
		return a->due < b->due ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static int
compare_customers(const struct treap_node *x, const struct treap_node *y)
{
	const struct alloc_customer *a =
	    TREAP_OF(x, const struct alloc_customer, node);
	const struct alloc_customer *b =
	    TREAP_OF(y, const struct alloc_customer, node);

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return text_compare(a->id, b->id);
}

struct allocation *
allocation_new(const char *tenant, const struct allocation_settings *set,
    const struct allocation_watch *watch)
{
	struct allocation *a = xcalloc(1, sizeof *a);

	a->tenant = xstrdup(tenant);
	a->set = *set;
	a->watch = watch;
	a->now = INT64_MIN;
	a->everybody = RECORD_NO_NUMBER;
	treap_init(&a->by_time, compare_customers, &a->counts.steps);
	treap_init(&a->ready, compare_lines, &a->counts.steps);
	treap_init(&a->timers, compare_timers, &a->counts.steps);
	treap_init(&a->unsent, alloc_compare_unsent, &a->counts.steps);
	return a;
}

void
alloc_chat_free(void *p)
{
	struct alloc_chat *c = p;

	free((char *)(uintptr_t)c->id.p);
	free(c->customer_id);
	free(c->refusals);
	free(c);
}

static void
free_customer(void *p)
{
	struct alloc_customer *c = p;

	free((char *)(uintptr_t)c->id.p);
	free(c);
}

void
allocation_free(struct allocation *a)
{
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; i < a->changed_n; i++)
		if (a->changed[i]->gone)
			alloc_chat_free(a->changed[i]);
	strmap_release(&a->chats, alloc_chat_free);
	strmap_release(&a->customers, free_customer);
	strmap_release(&a->limits, free);
	strmap_release(&a->forgotten, NULL);
	alloc_lines_release(a);
	free(a->changed);
	free(a->changed_operators);
	free(a->changed_customers);
	free(a->tenant);
	free(a);
}

struct alloc_chat *
alloc_chat_get(struct allocation *a, struct text id)
{
	void **slot = strmap_put(&a->chats, id.p, id.len);
	struct alloc_chat *c = *slot;

	if (c != NULL)
		return c;
	c = xcalloc(1, sizeof *c);
	c->id = text_of(xstrndup(id.p, id.len), id.len);
	c->status_at = c->holder_at = c->opened_at = CLOCK_NONE;
	c->closed_at = c->arrival = CLOCK_NONE;
	c->tags = alloc_tags_get(a, (struct text){ NULL, 0 });
	c->timer.due = INT64_MAX;
	*slot = c;
	return c;
}

void
alloc_changed(struct allocation *a, struct alloc_chat *c)
{
	if (c->changed)
		return;
	c->changed = true;
	XGROW(a->changed, a->changed_n, a->changed_cap);
	a->changed[a->changed_n++] = c;
}

void
alloc_operator_changed(struct allocation *a, struct alloc_operator *o)
{
	if (o->changed)
		return;
	o->changed = true;
	XGROW(a->changed_operators, a->changed_operators_n,
	    a->changed_operators_cap);
	a->changed_operators[a->changed_operators_n++] = o;
}

void
alloc_set_timer(struct allocation *a, struct alloc_timer *t, int64_t due)
{
	if (t->due == due)
		return;
	treap_remove(&a->timers, &t->node);
	t->due = due;
	t->order = a->timer_order++;
	if (due != INT64_MAX)
		treap_add(&a->timers, &t->node);
}

/* Who was not here for long; what is not saved yet stays. */
static void
forget_customers(struct allocation *a, int64_t before)
{
	struct treap_node *n;
	struct alloc_customer *c;

	while ((n = treap_first(&a->by_time)) != NULL) {
		c = TREAP_OF(n, struct alloc_customer, node);
		if (c->at >= before || c->changed)
			break;
		treap_remove(&a->by_time, n);
		(void)strmap_put(&a->forgotten, c->id.p, c->id.len);
		(void)strmap_delete(&a->customers, c->id.p, c->id.len);
		free_customer(c);
	}
}

void
alloc_customer_set(struct allocation *a, struct text id,
    struct alloc_operator *last, int64_t at)
{
	void **slot = strmap_put(&a->customers, id.p, id.len);
	struct alloc_customer *c = *slot;

	if (c == NULL) {
		c = xcalloc(1, sizeof *c);
		c->id = text_of(xstrndup(id.p, id.len), id.len);
		*slot = c;
	}
	treap_remove(&a->by_time, &c->node);
	c->last = last;
	c->at = at;
	treap_add(&a->by_time, &c->node);
	if (!c->changed) {
		c->changed = true;
		XGROW(a->changed_customers, a->changed_customers_n,
		    a->changed_customers_cap);
		a->changed_customers[a->changed_customers_n++] = c;
	}
	forget_customers(a, at - a->set.sticky);
}

static void
count_one(struct allocation *a, struct alloc_operator *o,
    struct alloc_channel *channel, int64_t by)
{
	if (o == NULL)
		return;
	alloc_operator_begin(a, o);
	o->load += by;
	if (channel != NULL)
		alloc_share_of(o, channel)->chats += by;
	alloc_operator_end(a, o);
}

/* One that they have already is of another channel now. */
static void
count_moved(struct allocation *a, struct alloc_operator *o,
    struct alloc_channel *from, struct alloc_channel *to)
{
	if (o == NULL || from == to)
		return;
	alloc_operator_begin(a, o);
	if (from != NULL)
		alloc_share_of(o, from)->chats--;
	if (to != NULL)
		alloc_share_of(o, to)->chats++;
	alloc_operator_end(a, o);
}

/* For whom it counts: who holds it, and whom it is reserved for. Never twice
 * for one of them, not for a moment: others look on. */
static void
count(struct allocation *a, struct alloc_chat *c)
{
	struct alloc_operator *want[2] = { NULL, NULL }, *had[2];
	size_t i;

	if (c->status == CHAT_OPEN)
		want[0] = c->holder;
	if (c->reserved != want[0])
		want[1] = c->reserved;
	memcpy(had, c->counted, sizeof had);
	for (i = 0; i < 2; i++) {
		if (want[i] == had[0] || want[i] == had[1])
			count_moved(a, want[i], c->counted_channel, c->channel);
		else
			count_one(a, want[i], c->channel, 1);
	}
	for (i = 0; i < 2; i++) {
		if (had[i] != want[0] && had[i] != want[1])
			count_one(a, had[i], c->counted_channel, -1);
	}
	memcpy(c->counted, want, sizeof want);
	c->counted_channel = c->channel;
}

void
alloc_leave(struct allocation *a, struct alloc_chat *c)
{
	switch (c->place) {
	case PLACE_QUEUE:
		treap_remove(&c->line->queue, &c->node);
		alloc_line_update(a, c->line);
		break;
	case PLACE_RESTING:
		treap_remove(&c->line->resting, &c->node);
		break;
	case PLACE_AWAITING:
		treap_remove(&c->awaited->awaited, &c->node);
		break;
	case PLACE_PROMISED:
	case PLACE_NONE:
	case ALLOC_PLACES:
		break;
	}
	a->counts.waiting -=
	    c->place != PLACE_NONE && c->place != PLACE_PROMISED;
	c->awaited = NULL;
	alloc_place_go(&c->place, PLACE_NONE);
	alloc_set_timer(a, &c->timer, INT64_MAX);
}

static void
enter_queue(struct allocation *a, struct alloc_chat *c)
{
	c->line = alloc_line_get(a, c->tags, c->channel);
	alloc_place_go(&c->place, PLACE_QUEUE);
	a->counts.waiting++;
	treap_add(&c->line->queue, &c->node);
	alloc_line_update(a, c->line);
}

/* Its holder was given it and has not answered; when it goes on to somebody
 * else. */
static int64_t
wait_ends(const struct allocation *a, const struct alloc_chat *c)
{
	int64_t silent = INT64_MAX, offline = INT64_MAX;

	if (c->holding != HELD_OWED || c->holder == NULL)
		return INT64_MAX;
	if (a->set.silent > 0)
		silent = c->given_at + a->set.silent;
	if (a->set.offline > 0 && c->holder->away_since != CLOCK_NONE)
		offline = c->holder->away_since + a->set.offline;
	return silent < offline ? silent : offline;
}

/* What its holder owes an answer to is listed with them. */
static void
list_owed(struct alloc_chat *c)
{
	struct alloc_operator *by =
	    c->status == CHAT_OPEN && c->holding == HELD_OWED ? c->holder
							      : NULL;

	if (by == c->owed_by)
		return;
	if (c->owed_by != NULL)
		treap_remove(&c->owed_by->given, &c->owed);
	if (by != NULL)
		treap_add(&by->given, &c->owed);
	c->owed_by = by;
}

/* True while somebody has to be found. */
static bool
is_waiting(const struct allocation *a, const struct alloc_chat *c)
{
	return c->status == CHAT_OPEN &&
	       (c->holder == NULL || wait_ends(a, c) <= a->now);
}

static bool
is_over(const struct alloc_chat *c)
{
	return c->status != CHAT_OPEN && c->reserved == NULL;
}

void
alloc_settle(struct allocation *a, struct alloc_chat *c)
{
	bool waiting = is_waiting(a, c);

	alloc_changed(a, c);
	if (c->reserved != NULL && c->status != CHAT_OPEN)
		c->reserved = NULL;
	if (c->reserved == NULL)
		treap_remove(&a->unsent, &c->wired);
	list_owed(c);
	count(a, c);
	if (c->reserved != NULL) {
		if (c->place != PLACE_PROMISED)
			alloc_leave(a, c);
		alloc_place_go(&c->place, PLACE_PROMISED);
		alloc_set_timer(a, &c->timer, c->expires);
		return;
	}
	if (waiting && c->place != PLACE_NONE && c->place != PLACE_PROMISED)
		return;
	alloc_leave(a, c);
	if (waiting)
		enter_queue(a, c);
	else if (is_over(c))
		alloc_set_timer(a, &c->timer, a->now + a->set.window);
	else
		alloc_set_timer(a, &c->timer, wait_ends(a, c));
}
