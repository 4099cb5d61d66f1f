/*
 * allocation_events: new states of chats and operators, as the model has them,
 * outcomes of reservations, and the clock. Each event recomputes everything
 * that depends on it.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <stdlib.h>

/* Tags, channel and arrival determine a chat's line and its place there, so it
 * leaves the line before they change. */
static void
update_required(struct allocation *a, struct alloc_chat *c,
    const struct allocation_chat *now)
{
	const struct alloc_tags *tags = alloc_tags_get(a, now->tags);
	struct alloc_channel *channel =
	    now->channel.p != NULL ? alloc_channel_get(a, now->channel) : NULL;
	int64_t arrival = now->arrival;

	if (arrival == CLOCK_NONE)
		arrival = c->arrival != CLOCK_NONE ? c->arrival : a->now;
	if (tags == c->tags && channel == c->channel && arrival == c->arrival)
		return;
	alloc_leave_place(a, c);
	c->tags = tags;
	c->channel = channel;
	c->arrival = arrival;
}

static void
update_customer(struct alloc_chat *c, struct text customer)
{
	if (customer.p != NULL && c->customer_id != NULL &&
	    text_is(customer, c->customer_id))
		return;
	free(c->customer_id);
	c->customer_id = text_dup(customer);
}

/* Any assignee other than the replaced one fulfils the reservation. */
static void
update_assignee(
    struct allocation *a, struct alloc_chat *c, struct alloc_operator *o)
{
	if (c->reserved != NULL && o != NULL && o != c->replaces)
		alloc_fulfil_reservation(a, c, o);
	else if (o != c->given_to)
		c->given_to = NULL;
	c->assignee = o;
}

void
allocation_chat(
    struct allocation *a, struct text id, const struct allocation_chat *now)
{
	bool over = now->status == CHAT_NONE || status_is_over(now->status);
	struct alloc_chat *c = alloc_chat_get(a, id);

	update_required(a, c, now);
	update_customer(c, now->customer);
	c->status = now->status;
	c->answered_at = now->answered_at;
	update_assignee(a, c,
	    now->assignee.p != NULL ? alloc_operator_get(a, now->assignee)
				    : NULL);
	if (a->set.sticky > 0 && c->assignee != NULL && now->customer.p != NULL)
		(void)alloc_customer_set(
		    a, now->customer, c->assignee, now->newest);
	alloc_recompute_chat(a, c);
	if (over)
		alloc_chat_forget(a, c);
}

void
allocation_outcome(struct allocation *a, struct text chat,
    struct text reservation, struct text operator_id)
{
	struct alloc_chat *c = strmap_get(&a->chats, chat.p, chat.len);

	if (c == NULL || c->reserved == NULL ||
	    !text_is(reservation, c->reservation) ||
	    (operator_id.p != NULL &&
		(c->replaces == NULL ||
		    text_compare(operator_id, c->replaces->entry.id) != 0)))
		return;
	alloc_refuse_reservation(a, c);
	alloc_recompute_chat(a, c);
}

static void
set_available(struct allocation *a, struct alloc_operator *o, bool available)
{
	if (available == o->available)
		return;
	alloc_entry_changed(a, &o->entry);
	o->available = available;
	o->away_since = available ? CLOCK_NONE : a->now;
	if (!available)
		return;
	o->refusals = 0;
	o->paused_until = INT64_MIN;
	alloc_set_timer(a, &o->timer, INT64_MAX);
}

void
allocation_operator(
    struct allocation *a, struct text id, const struct allocation_operator *now)
{
	const struct alloc_tags *tags = alloc_tags_get(a, now->tags);
	struct alloc_operator *o =
	    now->listed ? alloc_operator_get(a, id)
			: strmap_get(&a->operators, id.p, id.len);
	bool serves_others;

	if (o == NULL)
		return;
	serves_others = o->listed != now->listed || o->tags != tags;
	alloc_operator_begin(o);
	set_available(a, o, now->listed && now->available);
	o->listed = now->listed;
	o->max_chats = now->max_chats;
	o->tags = tags;
	alloc_operator_end(a, o);
	if (serves_others)
		alloc_operator_serve(a, o);
	alloc_recompute_unanswered(a, o);
}

/* The operator's pause has ended. */
static void
timer_of_operator(struct allocation *a, struct alloc_operator *o)
{
	alloc_operator_begin(o);
	alloc_operator_end(a, o);
}

static void
timer_of_chat(struct allocation *a, struct alloc_chat *c)
{
	if (c->place == PLACE_RESERVED)
		c->reserved = NULL; /* it expired */
	alloc_leave_place(a, c);
	alloc_recompute_chat(a, c);
}

void
allocation_clock(struct allocation *a, int64_t now)
{
	struct treap_node *n;
	struct alloc_timer *t;

	if (now <= a->now)
		return;
	a->now = now;
	while ((n = treap_first(&a->timers)) != NULL) {
		t = TREAP_OF(n, struct alloc_timer, node);
		if (t->due > now)
			break;
		alloc_set_timer(a, t, INT64_MAX);
		if (t->of_operator)
			timer_of_operator(
			    a, TREAP_OF(t, struct alloc_operator, timer));
		else
			timer_of_chat(a, TREAP_OF(t, struct alloc_chat, timer));
	}
}

int64_t
allocation_due(const struct allocation *a)
{
	const struct treap_node *n = treap_first(&a->timers);

	return n != NULL ? TREAP_OF(n, const struct alloc_timer, node)->due
			 : INT64_MAX;
}

static void
read_operator(
    struct allocation *a, const struct model *m, const struct operator_info *o)
{
	const struct allocation_operator now = { .listed = o->listed,
		.available = !o->has_available || o->available,
		.max_chats = o->max_chats,
		.tags = model_name(m, o->tags) };

	allocation_operator(a, model_name(m, o->id), &now);
}

static void
read_chat(struct allocation *a, struct model *m, struct chat *c)
{
	const struct chat_standing s = model_standing(m, c);
	const struct allocation_chat now = { .status = s.status,
		.arrival = s.arrival,
		.answered_at = s.answered_at,
		.newest = c->newest,
		.assignee = model_name(m, c->now.assignee),
		.tags = model_name(m, c->now.tags),
		.channel = s.channel,
		.customer = model_name(m, c->now.customer) };

	allocation_chat(a, chat_id(c), &now);
}

void
allocation_read(struct allocation *a, struct model *m, bool all)
{
	const struct model_changes *x = &m->changes;
	struct operator_info **operators = all ? m->operators : x->operators;
	struct chat **chats = all ? m->chats : x->chats;
	size_t i, n = all ? m->operators_n : x->operators_n;

	for (i = 0; i < n; i++)
		read_operator(a, m, operators[i]);
	n = all ? m->chats_n : x->chats_n;
	for (i = 0; i < n; i++)
		read_chat(a, m, chats[i]);
}

void
allocation_record(struct allocation *a, const struct record *r)
{
	if (r->type == RECORD_LIMIT)
		allocation_limit(
		    a, r->operator_id, r->channel, r->max_chats, r->at);
	else if (r->type == RECORD_CHAT && r->assignment.p != NULL)
		allocation_outcome(a, r->chat, r->assignment, r->operator_id);
}
