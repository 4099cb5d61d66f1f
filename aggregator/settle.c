/*
 * settle: derives from the records of a tenant what the figures are made of:
 * each chat's state and its present episode, who is credited with what, and
 * the sums over the tenant. Nothing here depends on the order of the records.
 */
#include "aggregator/model.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

static int
compare_descriptions(const struct description *a, const struct description *b)
{
	struct name *const an[] = { a->holder, a->channel, a->customer,
		a->customer_name, a->customer_phone, a->tag };
	struct name *const bn[] = { b->holder, b->channel, b->customer,
		b->customer_name, b->customer_phone, b->tag };
	size_t i;
	int c = (a->at > b->at) - (a->at < b->at);

	if (c == 0)
		c = (a->opened_at > b->opened_at) -
		    (a->opened_at < b->opened_at);
	if (c == 0)
		c = (a->status > b->status) - (a->status < b->status);
	for (i = 0; c == 0 && i < ARRAY_LEN(an); i++)
		c = name_compare_bytes(an[i], bn[i]);
	return c;
}

static void
inherit(struct name **to, struct name *from)
{
	if (*to == NULL)
		*to = from;
}

/* The newest description counts; what it leaves out of the unchanging things
 * (a closing seldom tells the channel) is taken from the one before. */
static void
describe(struct chat *c)
{
	struct description *list = c->descriptions, **at, **newest;
	bool first = true;

	memset(&c->now, 0, sizeof c->now);
	c->now.at = CLOCK_NONE;
	c->now.opened_at = CLOCK_NONE;
	while (list != NULL) {
		struct description *d;

		newest = &list;
		for (at = &list->next; *at != NULL; at = &(*at)->next)
			if (compare_descriptions(*at, *newest) > 0)
				newest = at;
		d = *newest;
		*newest = d->next;
		if (first)
			c->now = *d;
		first = false;
		if (c->now.opened_at == CLOCK_NONE)
			c->now.opened_at = d->opened_at;
		inherit(&c->now.channel, d->channel);
		inherit(&c->now.customer, d->customer);
		inherit(&c->now.customer_name, d->customer_name);
		inherit(&c->now.customer_phone, d->customer_phone);
		inherit(&c->now.tag, d->tag);
	}
	/* A chat that is told of without a status is an open one. */
	if (!first && c->now.status == CHAT_NONE)
		c->now.status = CHAT_OPEN;
	c->descriptions = NULL;
	c->now.next = NULL;
	c->told_holder = c->now.holder;
}

/* In a stream what happened after the chat was described decides; at the same
 * instant the description does. */
static void
follow_stream(struct chat *c)
{
	int64_t described_at = c->now.at;
	size_t i;

	if (c->now.status == CHAT_NONE)
		c->now.status = CHAT_OPEN;
	for (i = 0; i < c->n; i++) {
		if (c->messages[i].at <= described_at)
			continue;
		switch (clocks_classify(&c->messages[i])) {
		case HAPPENS_CLOSED:
			c->now.status = CHAT_CLOSED;
			break;
		case HAPPENS_REOPENED:
		case HAPPENS_CUSTOMER_WRITES:
			c->now.status = CHAT_OPEN;
			break;
		case HAPPENS_TRANSFER:
			c->now.holder = c->messages[i].operator_id;
			break;
		case HAPPENS_NOTHING:
		case HAPPENS_HUMAN_ANSWERS:
		case HAPPENS_BOT_ANSWERS:
		case HAPPENS_HANDOFF:
		case HAPPENINGS:
			break;
		}
	}
}

/* What one walk collects. */
struct collector {
	struct model *model;
	struct chat *chat;
	struct interval *v; /* first responses and replies */
	size_t n, cap;
	bool nobody_seen[FROM_SYSTEM + 1]; /* wrote without a name */
};

static void
forget_episode(void *ctx)
{
	struct collector *k = ctx;

	k->n = 0;
	k->chat->last_message_at = CLOCK_NONE;
	k->chat->messages_counted = 0;
	k->chat->participants = 0;
	memset(k->nobody_seen, 0, sizeof k->nobody_seen);
	k->model->serial++;
}

static void
collect_interval(void *ctx, const struct interval *i)
{
	struct collector *k = ctx;

	if (i->kind != INTERVAL_FIRST_RESPONSE && i->kind != INTERVAL_REPLY)
		return;
	XGROW(k->v, k->n, k->cap);
	k->v[k->n++] = *i;
}

static void
count_participant(struct collector *k, const struct message *m)
{
	struct name *user = m->user;

	if (user == NULL && m->from == FROM_OPERATOR)
		user = m->operator_id;
	if (user == NULL) {
		k->chat->participants += !k->nobody_seen[m->from];
		k->nobody_seen[m->from] = true;
	} else if (user->seen[m->from] != k->model->serial) {
		user->seen[m->from] = k->model->serial;
		k->chat->participants++;
	}
}

static void
collect_message(void *ctx, const struct clocks *c, const struct message *m,
    enum happening h, bool counts)
{
	struct collector *k = ctx;

	(void)c;
	if (!counts ||
	    (h != HAPPENS_CUSTOMER_WRITES && h != HAPPENS_HUMAN_ANSWERS &&
		h != HAPPENS_BOT_ANSWERS))
		return;
	k->chat->messages_counted++;
	k->chat->last_message_at = m->at;
	count_participant(k, m);
}

static void
credit(struct collector *k)
{
	struct tenant_totals *t = &k->model->totals;
	const struct interval *i;
	struct operator_info *o;

	for (i = k->v; i < k->v + k->n; i++) {
		sample_add(&k->chat->responses, i->ms);
		sample_add(&t->responses, i->ms);
		k->chat->skewed += i->skewed;
		if (i->kind == INTERVAL_FIRST_RESPONSE)
			k->chat->first_response = i->ms;
		if (i->operator_id == NULL)
			continue;
		o = model_operator(k->model, i->operator_id);
		o->present = true;
		sample_add(&o->responses, i->ms);
		if (i->kind == INTERVAL_FIRST_RESPONSE)
			sample_add(&o->first_responses, i->ms);
	}
	t->skewed += k->chat->skewed;
}

static void
count_wait(size_t *chats, int64_t *longest, int64_t wait)
{
	*chats += 1;
	if (wait > *longest)
		*longest = wait;
}

/* Adds an ongoing chat to its holder and to the tenant. */
static void
count_open(struct model *m, const struct chat *c)
{
	struct tenant_totals *t = &m->totals;
	struct operator_info *o = NULL;
	int64_t wait = m->as_of - c->waiting_since;

	t->open_chats++;
	if (c->now.holder != NULL) {
		o = model_operator(m, c->now.holder);
		o->present = true;
		o->open_chats++;
	} else {
		t->unassigned_chats++;
	}
	if (c->waiting_since == CLOCK_NONE)
		return;
	if (wait < 0)
		wait = 0;
	count_wait(&t->waiting_chats, &t->longest_wait, wait);
	if (o != NULL)
		count_wait(&o->waiting_chats, &o->longest_wait, wait);
}

struct clocks_chat
model_clocks_chat(const struct model *m, const struct chat *c)
{
	struct clocks_chat walk = { .messages = c->messages,
		.n = c->n,
		.opened_at = c->now.opened_at,
		.holder = c->now.holder,
		.told_holder = c->told_holder,
		.described_at = c->now.at,
		.as_of = m->as_of,
		.ongoing = chat_is_open(c) };

	return walk;
}

static void
settle_chat(struct collector *k, struct chat *c, const struct rules *rules)
{
	struct clocks_listener to = { .ctx = k,
		.interval = collect_interval,
		.message = collect_message,
		.episode = forget_episode };
	struct clocks_chat walk;
	struct clocks end;

	c->n = timeline_settle(c->messages, c->n);
	describe(c);
	if (k->model->stream)
		follow_stream(c);
	k->chat = c;
	c->waiting_since = CLOCK_NONE;
	c->first_response = STATS_NONE;
	forget_episode(k);
	if (!chat_is_open(c))
		return;
	walk = model_clocks_chat(k->model, c);
	clocks_walk(rules, &walk, &to, &end);
	if (end.closed)
		forget_episode(k);
	c->waiting_since = end.w;
	credit(k);
	count_open(k->model, c);
}

static int
compare_chats(const void *a, const void *b)
{
	return name_compare(
	    (*(struct chat *const *)a)->id, (*(struct chat *const *)b)->id);
}

static int
compare_operators(const void *a, const void *b)
{
	return name_compare((*(struct operator_info *const *)a)->id,
	    (*(struct operator_info *const *)b)->id);
}

static int
compare_events(const void *a, const void *b)
{
	const struct event *x = *(struct event *const *)a;
	const struct event *y = *(struct event *const *)b;
	int c = name_compare(x->user, y->user);

	return c != 0 ? c : name_compare(x->event, y->event);
}

static void
sort(void *v, size_t n, size_t size, int (*compare)(const void *, const void *))
{
	if (n > 1)
		qsort(v, n, size, compare);
}

void
model_settle(struct model *m, const struct rules *rules)
{
	struct collector k = { .model = m };
	size_t i;

	m->totals.longest_wait = STATS_NONE;
	sort(m->chats, m->chats_n, sizeof *m->chats, compare_chats);
	for (i = 0; i < m->chats_n; i++)
		settle_chat(&k, m->chats[i], rules);
	sort(m->operators, m->operators_n, sizeof *m->operators,
	    compare_operators);
	for (i = 0; i < m->operators_n; i++) {
		m->totals.operators += m->operators[i]->listed;
		m->operators[i]->present |= m->operators[i]->listed;
	}
	sort(m->events, m->events_n, sizeof *m->events, compare_events);
	free(k.v);
}
