/*
 * allocation: see allocation.h. This file moves each chat through its places,
 * which allocation_impl.h draws: it selects operators, makes and ends
 * reservations, and applies new states of chats and operators, outcomes, limits
 * and the clock. After any change of a chat, recompute_chat() counts it for its
 * operators and moves it to the right place.
 */
#include "aggregator/allocation/allocation_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/json/jsonw.h"

/* After this many consecutive refusals an operator pauses for all chats. */
#define REFUSALS_OF_ONE 3

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

static int
compare_customers(const struct treap_node *x, const struct treap_node *y)
{
	const struct alloc_customer *a =
	    TREAP_OF(x, const struct alloc_customer, node);
	const struct alloc_customer *b =
	    TREAP_OF(y, const struct alloc_customer, node);

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return id_compare(
	    a->entry.id.p, a->entry.id.len, b->entry.id.p, b->entry.id.len);
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
	treap_init(&a->by_time, compare_customers);
	alloc_lines_init(a);
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

/* Records that the entry must be packed. */
static void
mark_changed(struct allocation *a, struct alloc_entry *e)
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
		mark_changed(a, &c->entry);
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
		mark_changed(a, &c->entry);
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

/* True if a chat in that place waits for an operator. */
static bool
is_waiting(enum alloc_place place)
{
	return place != PLACE_NONE && place != PLACE_RESERVED;
}

/* Call after any change of a chat: counts it for its operators and moves it to
 * the right place. */
static void
recompute_chat(struct allocation *a, struct alloc_chat *c)
{
	bool waiting = needs_operator(a, c);

	mark_changed(a, &c->entry);
	if (c->reserved != NULL && c->status != CHAT_OPEN)
		c->reserved = NULL;
	list_unanswered(c);
	count_for_operators(a, c);
	if (c->reserved != NULL) {
		alloc_place_reserved(a, c);
		return;
	}
	if (waiting && is_waiting(c->place))
		return;
	alloc_place_leave(a, c);
	if (waiting)
		alloc_place_queue(a, c);
	else
		alloc_set_timer(a, &c->timer, wait_ends(a, c));
}

/* Call after a change to the operator: unanswered chats may have to be
 * reassigned. */
static void
recompute_unanswered(struct allocation *a, struct alloc_operator *o)
{
	struct treap_node *n = treap_first(&o->unanswered), *next;

	for (; n != NULL; n = next) {
		next = treap_next(n);
		recompute_chat(
		    a, TREAP_OF(n, struct alloc_chat, in_unanswered));
	}
}

/* Pauses: an operator who has refused a chat is not asked again before a pause
 * ends; an operator who has refused several chats in a row gets no chat during
 * a pause. Each pause is twice as long as the previous one. */

/* Returns the length of the pause after the n-th refusal. */
static int64_t
pause_after(const struct allocation *a, unsigned n)
{
	int64_t p = a->set.pause;

	while (n-- > 1 && p < ALLOCATION_LONGEST_PAUSE)
		p *= 2;
	return p < ALLOCATION_LONGEST_PAUSE ? p : ALLOCATION_LONGEST_PAUSE;
}

/* No operator is asked before their pause ends, so at most one refusal of each
 * operator remains. */
static void
drop_ended_pauses(const struct allocation *a, struct alloc_chat *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->refusals_n; i++)
		if (c->refusals[i].until > a->now)
			c->refusals[n++] = c->refusals[i];
	c->refusals_n = n;
}

static void
pause_operator(struct allocation *a, struct alloc_operator *o)
{
	alloc_operator_begin(o);
	if (++o->refusals >= REFUSALS_OF_ONE) {
		o->paused_until =
		    a->now + pause_after(a, o->refusals - REFUSALS_OF_ONE + 1);
		alloc_set_timer(a, &o->timer, o->paused_until);
	}
	alloc_operator_end(a, o);
}

/* Who gets the next chat, and the reservation. */

/* The id is unique, and the same in a replay. */
static void
name_reservation(const struct allocation *a, struct alloc_chat *c)
{
	uint64_t h;

	h = checksum(0, a->tenant, strlen(a->tenant) + 1);
	h = checksum(h, c->entry.id.p, c->entry.id.len);
	h = checksum(h, c->reserved->entry.id.p, c->reserved->entry.id.len);
	(void)snprintf(c->reservation, sizeof c->reservation,
	    "%" PRId64 "-%016" PRIx64, c->reserved_at, h);
}

static struct allocation_reservation
reservation_of(const struct allocation *a, const struct alloc_chat *c)
{
	return (struct allocation_reservation){ .tenant = a->tenant,
		.chat = c->entry.id,
		.operator_id = c->reserved->entry.id,
		.replaces = c->replaces != NULL ? c->replaces->entry.id
						: (struct text){ NULL, 0 },
		.id = c->reservation,
		.at = c->reserved_at,
		.expires = c->expires,
		.arrival = c->arrival,
		.max_chats = alloc_limit_of(a, c->reserved) };
}

static void
reserve(struct allocation *a, struct alloc_chat *c, struct alloc_operator *o)
{
	struct allocation_reservation p;

	alloc_operator_begin(o);
	o->last_reservation = ++a->reservations;
	mark_changed(a, &o->entry);
	alloc_operator_end(a, o);
	c->reserved = o;
	c->replaces = c->assignee;
	c->reserved_at = a->now;
	c->expires = a->now + a->set.expiry;
	name_reservation(a, c);
	recompute_chat(a, c);
	p = reservation_of(a, c);
	if (a->listener != NULL && a->listener->reserved != NULL)
		a->listener->reserved(a->listener->ctx, &p);
}

void
allocation_repeat(struct allocation *a)
{
	const struct strmap_entry *e;
	struct allocation_reservation p;
	struct alloc_chat *c;
	size_t i = 0;

	while ((e = strmap_next(&a->chats, &i)) != NULL) {
		c = e->value;
		if (c->reserved == NULL || a->listener == NULL ||
		    a->listener->reserved == NULL)
			continue;
		p = reservation_of(a, c);
		a->listener->reserved(a->listener->ctx, &p);
	}
}

/* Returns the operator of this customer's last chat, or NULL. */
static struct alloc_operator *
last_operator_of(const struct allocation *a, const struct alloc_chat *c)
{
	const struct alloc_customer *known;

	if (a->set.sticky == 0 || c->customer_id == NULL)
		return NULL;
	known =
	    strmap_get(&a->customers, c->customer_id, strlen(c->customer_id));
	if (known == NULL || known->at < a->now - a->set.sticky)
		return NULL;
	return known->last;
}

/* Returns the time at which the first operator who refused the chat may be
 * asked again. */
static int64_t
when_pause_ends(const struct allocation *a, const struct alloc_chat *c)
{
	int64_t first = a->now + ALLOCATION_LONGEST_PAUSE;
	size_t i;

	for (i = 0; i < c->refusals_n; i++)
		if (c->refusals[i].until > a->now &&
		    c->refusals[i].until < first)
			first = c->refusals[i].until;
	return first;
}

/* Selects an operator for the first chat of the line; returns NULL if there is
 * none and the chat was postponed. */
static struct alloc_operator *
select_operator(
    struct allocation *a, struct alloc_line *l, struct alloc_chat *c)
{
	struct alloc_operator *last =
	    c->awaited != NULL ? c->awaited : last_operator_of(a, c);
	struct alloc_operator *o;
	const struct treap_node *n;
	struct alloc_service *s;

	if (last != NULL && last != c->assignee && !alloc_refused(a, c, last)) {
		s = alloc_service_of(last, l);
		if (s != NULL && treap_has(&s->node))
			return last;
		if (s != NULL && last->available && a->set.sticky_for > 0 &&
		    c->arrival + a->set.sticky_for > a->now) {
			c->awaited = last;
			alloc_place_postpone(a, c, PLACE_AWAITING, &s->awaited,
			    c->arrival + a->set.sticky_for);
			return NULL;
		}
	}
	for (n = treap_first(&l->free); n != NULL; n = treap_next(n)) {
		o = TREAP_OF(n, const struct alloc_service, node)->owner;
		if (o != c->assignee && !alloc_refused(a, c, o))
			return o;
	}
	alloc_place_postpone(
	    a, c, PLACE_PAUSED, &l->paused, when_pause_ends(a, c));
	return NULL;
}

size_t
allocation_select(struct allocation *a)
{
	struct treap_node *n;
	struct alloc_operator *o;
	struct alloc_chat *c;
	struct alloc_line *l;
	size_t reserved = 0;

	while ((n = treap_first(&a->ready)) != NULL) {
		l = TREAP_OF(n, struct alloc_line, node);
		c = TREAP_OF(treap_first(&l->queue), struct alloc_chat, node);
		o = select_operator(a, l, c);
		if (o == NULL)
			continue;
		reserve(a, c, o);
		reserved++;
	}
	return reserved;
}

void
allocation_write(const struct allocation_reservation *p, struct buf *to)
{
	jsonw_open(to);
	jsonw_str(to, "type", "assignment");
	jsonw_str(to, "tenant", p->tenant);
	if (p->simulated)
		jsonw_bool(to, "simulated", true);
	jsonw_str(to, "id", p->id);
	jsonw_text(to, "chat", p->chat);
	jsonw_text(to, "operator", p->operator_id);
	if (p->replaces.p != NULL)
		jsonw_text(to, "replaces", p->replaces);
	jsonw_time(to, "at", p->at);
	jsonw_time(to, "expires", p->expires);
	jsonw_int(to, "max_chats", p->max_chats);
	jsonw_close(to);
}

/* How a reservation ends: it was refused, or the chat has an assignee. A third
 * end, that it expires, is in timer_of_chat(). */

static void
refuse_reservation(struct allocation *a, struct alloc_chat *c)
{
	struct alloc_refusal *r;

	c->failures++;
	drop_ended_pauses(a, c);
	XGROW(c->refusals, c->refusals_n, c->refusals_cap);
	r = &c->refusals[c->refusals_n++];
	r->by = c->reserved;
	r->until = a->now + pause_after(a, c->failures);
	pause_operator(a, c->reserved);
	c->reserved = NULL;
}

static void
fulfil_reservation(
    struct allocation *a, struct alloc_chat *c, struct alloc_operator *assignee)
{
	c->given_to = assignee == c->reserved ? assignee : NULL;
	c->given_at = c->reserved_at;
	c->assigned_at = a->now;
	c->failures = 0;
	c->refusals_n = 0;
	c->reserved->refusals = 0;
	c->reserved = NULL;
}

/* New states of chats and operators, outcomes, and the clock. Each of these
 * functions recomputes everything that depends on the change. */

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
	alloc_place_leave(a, c);
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
		fulfil_reservation(a, c, o);
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
	recompute_chat(a, c);
	if (!over)
		return;
	/* The struct stays until its entry is deleted from the state. */
	c->entry.deleted = true;
	(void)strmap_delete(&a->chats, id.p, id.len);
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
	refuse_reservation(a, c);
	recompute_chat(a, c);
}

static void
set_available(struct allocation *a, struct alloc_operator *o, bool available)
{
	if (available == o->available)
		return;
	mark_changed(a, &o->entry);
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
	recompute_unanswered(a, o);
}

static void
timer_of_chat(struct allocation *a, struct alloc_chat *c)
{
	if (c->place == PLACE_RESERVED)
		c->reserved = NULL; /* it expired */
	alloc_place_leave(a, c);
	recompute_chat(a, c);
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
			/* The operator's pause has ended. */
			alloc_operator_update(
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

/* Limits. Operator and channel are optional; of several records with the same
 * operator and channel, the newest counts. */

/* After a limit for all operators: recomputes who has free slots. */
static void
recompute_capacity(struct allocation *a)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&a->operators, &i)) != NULL)
		alloc_operator_update(a, e->value);
}

/* The channel gains or loses its own lines, so its chats move. */
static void
move_chats(struct allocation *a, const struct alloc_channel *channel)
{
	const struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&a->chats, &i)) != NULL) {
		struct alloc_chat *c = e->value;

		if (c->channel != channel || !is_waiting(c->place))
			continue;
		alloc_place_leave(a, c);
		recompute_chat(a, c);
	}
}

static void
apply_channel_limit(struct allocation *a, struct alloc_operator *o,
    struct alloc_channel *channel, int64_t max)
{
	int64_t *limit = &channel->limit;
	size_t before = channel->limits;

	if (o != NULL) {
		alloc_operator_begin(o);
		limit = &alloc_share_of(o, channel)->limit;
	}
	channel->limits -= *limit != RECORD_NO_NUMBER;
	*limit = max;
	channel->limits += max != RECORD_NO_NUMBER;
	if (o != NULL)
		alloc_operator_end(a, o);
	else
		recompute_capacity(a);
	if ((before == 0) != (channel->limits == 0))
		move_chats(a, channel);
}

static void
apply_limit(struct allocation *a, struct text operator_id, struct text channel,
    int64_t max)
{
	struct alloc_operator *o =
	    operator_id.p != NULL ? alloc_operator_get(a, operator_id) : NULL;

	if (channel.p != NULL) {
		apply_channel_limit(a, o, alloc_channel_get(a, channel), max);
	} else if (o != NULL) {
		alloc_operator_begin(o);
		o->own_limit = max;
		alloc_operator_end(a, o);
	} else {
		a->everybody = max;
		recompute_capacity(a);
	}
}

void
allocation_limit(struct allocation *a, struct text operator_id,
    struct text channel, int64_t max_chats, int64_t at)
{
	struct buf key = BUF_INIT;
	struct alloc_limit *l;
	void **slot;

	buf_add(&key, operator_id.p, operator_id.len);
	buf_addc(&key, '\0');
	buf_add(&key, channel.p, channel.len);
	slot = strmap_put(&a->limits, key.data, key.len);
	l = *slot;
	if (l == NULL) {
		l = *slot = xcalloc(1, sizeof *l);
		alloc_entry_init(
		    &l->entry, ALLOC_LIMIT, alloc_text(key.data, key.len));
		l->at = CLOCK_NONE;
	}
	buf_release(&key);
	if (at != CLOCK_NONE && at < l->at)
		return;
	if (at != CLOCK_NONE)
		l->at = at;
	l->max_chats = max_chats;
	mark_changed(a, &l->entry);
	apply_limit(a, operator_id, channel, max_chats);
}

/* The model and the records. */

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
