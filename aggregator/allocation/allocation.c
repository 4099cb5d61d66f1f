/*
 * allocation: chats and their places in the queue; see allocation.h. After any
 * change of a chat, alloc_recompute_chat() counts it for its operators and
 * moves it to the right place.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

void
allocation_settings_read(struct allocation_settings *s, const struct conf *conf)
{
	const char *section = "aggregator";

	s->limit = conf_int(conf, section, "allocation_limit");
	s->expiry = conf_int(conf, section, "allocation_expiry");
	s->pause = conf_int(conf, section, "allocation_pause");
	s->sticky = conf_int(conf, section, "allocation_sticky");
	s->sticky_for = conf_int(conf, section, "allocation_sticky_wait");
	s->silent = conf_int(conf, section, "allocation_silent");
	s->offline = conf_int(conf, section, "allocation_offline");
	s->window = conf_int(conf, section, "window");
	if (s->sticky == 0)
		s->sticky_for = 0;
}

struct allocation *
allocation_new(const char *tenant, const struct allocation_settings *set,
    const struct allocation_listener *listener)
{
	struct allocation *a = xcalloc(1, sizeof *a);

	a->tenant = xstrdup(tenant);
	a->set = *set;
	a->listener = listener;
	a->now = INT64_MIN;
	a->everybody = RECORD_NO_NUMBER;
	treap_init(&a->by_time, alloc_compare_customers);
	treap_init(&a->ready, alloc_compare_lines);
	treap_init(&a->timers, alloc_compare_timers);
	return a;
}

static void
free_parts_of_operator(struct alloc_operator *o)
{
	size_t i;

	for (i = 0; i < o->services_n; i++)
		free(o->services[i]);
	free(o->services);
	free(o->shares);
}

void
alloc_entry_free(void *entry)
{
	struct alloc_entry *e = entry;
	struct alloc_chat *c = entry;

	switch (e->kind) {
	case ALLOC_CHAT:
		free(c->customer_id);
		free(c->refusals);
		break;
	case ALLOC_OPERATOR:
		free_parts_of_operator(entry);
		break;
	case ALLOC_CUSTOMER:
	case ALLOC_LIMIT:
		break;
	}
	free((char *)(uintptr_t)e->id.p);
	free(e);
}

void
allocation_free(struct allocation *a)
{
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; i < a->changed_n; i++)
		if (a->changed[i]->deleted)
			alloc_entry_free(a->changed[i]);
	strmap_release(&a->chats, alloc_entry_free);
	strmap_release(&a->customers, alloc_entry_free);
	strmap_release(&a->limits, alloc_entry_free);
	alloc_lines_release(a);
	free(a->changed);
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
	alloc_entry_init(&c->entry, ALLOC_CHAT, id);
	c->arrival = c->answered_at = CLOCK_NONE;
	c->tags = alloc_tags_get(a, (struct text){ NULL, 0 });
	c->timer.due = INT64_MAX;
	*slot = c;
	return c;
}

void
alloc_entry_changed(struct allocation *a, struct alloc_entry *e)
{
	if (e->changed)
		return;
	e->changed = true;
	XGROW(a->changed, a->changed_n, a->changed_cap);
	a->changed[a->changed_n++] = e;
}

void
alloc_delete_old_customers(struct allocation *a)
{
	struct treap_node *n;
	struct alloc_customer *c;

	while ((n = treap_first(&a->by_time)) != NULL) {
		c = TREAP_OF(n, struct alloc_customer, node);
		if (c->at >= a->now - a->set.sticky)
			break;
		treap_remove(&a->by_time, n);
		(void)strmap_delete(
		    &a->customers, c->entry.id.p, c->entry.id.len);
		c->entry.deleted = true;
		alloc_entry_changed(a, &c->entry);
	}
}

struct alloc_customer *
alloc_customer_set(struct allocation *a, struct text id,
    struct alloc_operator *last, int64_t at)
{
	void **slot = strmap_put(&a->customers, id.p, id.len);
	struct alloc_customer *c = *slot;

	if (c == NULL) {
		c = *slot = xcalloc(1, sizeof *c);
		alloc_entry_init(&c->entry, ALLOC_CUSTOMER, id);
		c->at = at;
	}
	if (at >= c->at) {
		treap_remove(&a->by_time, &c->node);
		c->last = last;
		c->at = at;
		treap_add(&a->by_time, &c->node);
		alloc_entry_changed(a, &c->entry);
	}
	return c;
}

static void
add_to_load(struct allocation *a, struct alloc_operator *o,
    struct alloc_channel *channel, int64_t by)
{
	if (o == NULL)
		return;
	alloc_operator_begin(o);
	o->load += by;
	if (channel != NULL)
		alloc_share_of(o, channel)->chats += by;
	alloc_operator_end(a, o);
}

/* One of the operator's chats has moved to another channel. */
static void
move_between_channels(struct allocation *a, struct alloc_operator *o,
    struct alloc_channel *from, struct alloc_channel *to)
{
	if (o == NULL || from == to)
		return;
	alloc_operator_begin(o);
	if (from != NULL)
		alloc_share_of(o, from)->chats--;
	if (to != NULL)
		alloc_share_of(o, to)->chats++;
	alloc_operator_end(a, o);
}

/* A chat counts towards the load of its assignee and of the operator for whom
 * it is reserved, but only once if they are the same. */
static void
count_for_operators(struct allocation *a, struct alloc_chat *c)
{
	struct alloc_operator *want[2] = { NULL, NULL }, *had[2];
	size_t i;

	if (c->status == CHAT_OPEN)
		want[0] = c->assignee;
	if (c->reserved != want[0])
		want[1] = c->reserved;
	memcpy(had, c->counted, sizeof had);
	for (i = 0; i < 2; i++) {
		if (want[i] == had[0] || want[i] == had[1])
			move_between_channels(
			    a, want[i], c->counted_channel, c->channel);
		else
			add_to_load(a, want[i], c->channel, 1);
	}
	for (i = 0; i < 2; i++) {
		if (had[i] != want[0] && had[i] != want[1])
			add_to_load(a, had[i], c->counted_channel, -1);
	}
	memcpy(c->counted, want, sizeof want);
	c->counted_channel = c->channel;
}

void
alloc_leave_place(struct allocation *a, struct alloc_chat *c)
{
	switch (c->place) {
	case PLACE_QUEUE:
		treap_remove(&c->line->queue, &c->node);
		alloc_line_update(a, c->line);
		break;
	case PLACE_PAUSED:
		treap_remove(&c->line->paused, &c->node);
		break;
	case PLACE_AWAITING:
		treap_remove(
		    &alloc_service_of(c->awaited, c->line)->awaited, &c->node);
		break;
	case PLACE_RESERVED:
	case PLACE_NONE:
		break;
	}
	c->awaited = NULL;
	c->place = PLACE_NONE;
	alloc_set_timer(a, &c->timer, INT64_MAX);
}

static void
enter_queue(struct allocation *a, struct alloc_chat *c)
{
	c->line = alloc_line_get(a, c->tags, c->channel);
	c->place = PLACE_QUEUE;
	treap_add(&c->line->queue, &c->node);
	alloc_line_update(a, c->line);
}

/* Returns the assignee of an open chat in which the assignee has not answered
 * yet, or NULL. */
static struct alloc_operator *
who_owes_answer(const struct alloc_chat *c)
{
	return c->status == CHAT_OPEN && c->answered_at < c->given_at
		   ? c->given_to
		   : NULL;
}

/* Returns when a chat that its assignee has not answered goes to another
 * operator; INT64_MAX: never. */
static int64_t
wait_ends(const struct allocation *a, const struct alloc_chat *c)
{
	int64_t silent = INT64_MAX, offline = INT64_MAX;

	if (who_owes_answer(c) == NULL)
		return INT64_MAX;
	if (a->set.silent > 0)
		silent = c->assigned_at + a->set.silent;
	if (a->set.offline > 0 && c->given_to->away_since != CLOCK_NONE)
		offline = c->given_to->away_since + a->set.offline;
	return silent < offline ? silent : offline;
}

/* Maintains the list of chats in which an operator has not answered. */
static void
list_unanswered(struct alloc_chat *c)
{
	struct alloc_operator *by = who_owes_answer(c);

	if (by == c->listed_by)
		return;
	if (c->listed_by != NULL)
		treap_remove(&c->listed_by->unanswered, &c->in_unanswered);
	if (by != NULL)
		treap_add(&by->unanswered, &c->in_unanswered);
	c->listed_by = by;
}

/* True while an operator must be selected for the chat. */
static bool
needs_operator(const struct allocation *a, const struct alloc_chat *c)
{
	return c->status == CHAT_OPEN &&
	       (c->assignee == NULL || wait_ends(a, c) <= a->now);
}

void
alloc_recompute_chat(struct allocation *a, struct alloc_chat *c)
{
	bool waiting = needs_operator(a, c);

	alloc_entry_changed(a, &c->entry);
	if (c->reserved != NULL && c->status != CHAT_OPEN)
		c->reserved = NULL;
	list_unanswered(c);
	count_for_operators(a, c);
	if (c->reserved != NULL) {
		if (c->place != PLACE_RESERVED)
			alloc_leave_place(a, c);
		c->place = PLACE_RESERVED;
		alloc_set_timer(a, &c->timer, c->expires);
		return;
	}
	if (waiting && alloc_is_waiting(c->place))
		return;
	alloc_leave_place(a, c);
	if (waiting)
		enter_queue(a, c);
	else
		alloc_set_timer(a, &c->timer, wait_ends(a, c));
}

void
alloc_recompute_unanswered(struct allocation *a, struct alloc_operator *o)
{
	struct treap_node *n = treap_first(&o->unanswered), *next;

	for (; n != NULL; n = next) {
		next = treap_next(n);
		alloc_recompute_chat(
		    a, TREAP_OF(n, struct alloc_chat, in_unanswered));
	}
}

/* The struct stays until its entry is deleted from the state. */
void
alloc_chat_forget(struct allocation *a, struct alloc_chat *c)
{
	c->assignee = c->given_to = NULL;
	c->entry.deleted = true;
	alloc_recompute_chat(a, c);
	(void)strmap_delete(&a->chats, c->entry.id.p, c->entry.id.len);
}
