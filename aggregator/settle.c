/*
 * settle: derives from the records of a tenant what the figures are made of:
 * each changed chat's state and its present episode, the intervals of all its
 * episodes, and what may be forgotten. Nothing here depends on the order of
 * the records. What operators and the tenant get of it: model_credit.c.
 */
#include "aggregator/model_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#include "aggregator/hash.h"
#include "aggregator/order.h"

/* What one walk collects; the lists are the model's, used again. */
struct collector {
	struct model *model;
	struct chat *chat;
	size_t n;       /* intervals */
	size_t present; /* the first one of the present episode */
	size_t walked;  /* messages */
	int64_t last_at;
	bool all;      /* intervals of past episodes are wanted, too */
	int64_t limit; /* what is older may be forgotten */
	size_t old, old_intervals; /* of past episodes that are that old */
};

static void
inherit(uint32_t *to, uint32_t from)
{
	if (*to == 0)
		*to = from;
}

/* The newest description counts; what it leaves out of the unchanging things
 * (a closing seldom tells the channel) is taken from the one before. */
void
settle_described(struct chat *c)
{
	const struct description *d = c->descriptions;

	memset(&c->now, 0, sizeof c->now);
	c->now.at = CLOCK_NONE;
	c->now.opened_at = CLOCK_NONE;
	if (d != NULL) {
		c->now = *d;
		c->now.next = NULL;
		/* A chat that is told of without a status is an open one. */
		if (c->now.status == CHAT_NONE)
			c->now.status = CHAT_OPEN;
	}
	for (; d != NULL; d = d->next) {
		if (c->now.opened_at == CLOCK_NONE)
			c->now.opened_at = d->opened_at;
		inherit(&c->now.channel, d->channel);
		inherit(&c->now.customer, d->customer);
		inherit(&c->now.customer_name, d->customer_name);
		inherit(&c->now.customer_phone, d->customer_phone);
		inherit(&c->now.tag, d->tag);
	}
	c->told_holder = c->now.holder;
}

/* What a message says of the chat's status; CHAT_NONE: nothing. */
static enum chat_status
status_by(enum happening h)
{
	switch (h) {
	case HAPPENS_CLOSED:
		return CHAT_CLOSED;
	case HAPPENS_REOPENED:
	case HAPPENS_CUSTOMER_WRITES:
		return CHAT_OPEN;
	case HAPPENS_TRANSFER:
	case HAPPENS_NOTHING:
	case HAPPENS_HUMAN_ANSWERS:
	case HAPPENS_BOT_ANSWERS:
	case HAPPENS_HANDOFF:
	case HAPPENINGS:
		break;
	}
	return CHAT_NONE;
}

/* In a stream what happened after the chat was described decides; at the same
 * instant the description does. */
static void
follow_stream(struct chat *c)
{
	int64_t described_at = c->now.at;
	enum chat_status status;
	enum happening h;
	size_t i;

	if (c->now.status == CHAT_NONE)
		c->now.status = CHAT_OPEN;
	if (c->forgotten.status_at > described_at)
		c->now.status = c->forgotten.status;
	if (c->forgotten.holder_at > described_at)
		c->now.holder = c->forgotten.holder;
	/* The newest decides: backwards until what is described. */
	for (i = c->n; i > 0 && c->messages[i - 1].at > described_at; i--) {
		status = status_by(clocks_classify(&c->messages[i - 1]));
		if (status != CHAT_NONE) {
			c->now.status = status;
			break;
		}
	}
	for (i = c->n; i > 0 && c->messages[i - 1].at > described_at; i--) {
		h = clocks_classify(&c->messages[i - 1]);
		if (h == HAPPENS_TRANSFER) {
			c->now.holder = c->messages[i - 1].operator_id;
			break;
		}
	}
}

static void
people_empty(struct people *p)
{
	if (++p->serial == 0 && p->keys != NULL) {
		memset(p->serials, 0, (p->mask + 1) * sizeof *p->serials);
		p->serial = 1;
	}
	p->n = 0;
	p->last[0] = 0;
	p->last[1] = 0;
}

static void people_add(struct people *p, uint64_t key);

static void
people_grow(struct people *p)
{
	struct people bigger = { .serial = 1 };
	size_t i, slots = p->keys != NULL ? (p->mask + 1) * 2 : 32;

	bigger.keys = xcalloc(slots, sizeof *bigger.keys);
	bigger.serials = xcalloc(slots, sizeof *bigger.serials);
	bigger.mask = slots - 1;
	for (i = 0; p->keys != NULL && i <= p->mask; i++)
		if (p->serials[i] == p->serial)
			people_add(&bigger, p->keys[i]);
	free(p->keys);
	free(p->serials);
	*p = bigger;
}

/* key is not 0. */
static void
people_add(struct people *p, uint64_t key)
{
	size_t i;

	if (key == p->last[0] || key == p->last[1])
		return;
	p->last[1] = p->last[0];
	p->last[0] = key;
	if (p->keys == NULL || p->n * 2 > p->mask)
		people_grow(p);
	i = (size_t)hash_mix(key ^ HASH_K1, HASH_K2) & p->mask;
	for (; p->serials[i] == p->serial; i = (i + 1) & p->mask)
		if (p->keys[i] == key)
			return;
	p->keys[i] = key;
	p->serials[i] = p->serial;
	p->n++;
}

/* What came before counts no more. */
static void
start_anew(struct collector *k)
{
	k->chat->last_message_at = CLOCK_NONE;
	k->chat->messages_counted = 0;
	people_empty(&k->model->private->people);
	if (!k->all)
		k->n = 0;
	k->present = k->n;
}

/* All that was walked over is of past episodes. */
static void
hear_episode(void *ctx)
{
	struct collector *k = ctx;

	start_anew(k);
	if (k->walked > 0 && k->last_at < k->limit) {
		k->old = k->walked;
		k->old_intervals = k->n;
	}
}

static void
hear_interval(void *ctx, const struct interval *i)
{
	struct collector *k = ctx;
	struct model_private *p = k->model->private;

	if (i->running || (!k->all && i->kind != INTERVAL_FIRST_RESPONSE &&
			      i->kind != INTERVAL_REPLY))
		return;
	XGROW(p->intervals, k->n, p->intervals_cap);
	p->intervals[k->n++] = *i;
}

static void
hear_message(void *ctx, const struct clocks *clocks, const struct message *m,
    enum happening h, bool counts)
{
	struct collector *k = ctx;
	struct chat *c = k->chat;
	uint32_t user = m->user;

	(void)clocks;
	k->walked++;
	k->last_at = m->at;
	if (!counts ||
	    (h != HAPPENS_CUSTOMER_WRITES && h != HAPPENS_HUMAN_ANSWERS &&
		h != HAPPENS_BOT_ANSWERS))
		return;
	c->messages_counted++;
	c->last_message_at = m->at;
	if (user == 0 && m->from == FROM_OPERATOR)
		user = m->operator_id;
	people_add(&k->model->private->people, (uint64_t)user << 3 | m->from);
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
		.first_holder = c->forgotten.holder,
		.knows_first = c->forgotten.holder_at != CLOCK_NONE,
		.ongoing = chat_is_open(c) };

	return walk;
}

/* Walks over the chat. What counts stands in the chat, the intervals in the
 * model. */
static void
walk(struct collector *k, struct model *m, struct chat *c)
{
	struct clocks_listener to = { .ctx = k,
		.interval = hear_interval,
		.message = hear_message,
		.episode = hear_episode };
	struct clocks_chat view = model_clocks_chat(m, c);
	struct clocks end;

	memset(k, 0, sizeof *k);
	k->model = m;
	k->chat = c;
	k->all = m->lasting || m->interval != NULL;
	k->limit = INT64_MIN;
	if (m->lasting && m->window > 0 && m->as_of != CLOCK_NONE)
		k->limit = m->as_of - m->window;
	view.history = k->all;
	/* What is not ongoing has no wait. */
	end.w = CLOCK_NONE;
	end.closed = false;
	start_anew(k);
	if (chat_is_open(c) || k->all)
		clocks_walk(m->rules, &view, &to, &end);
	if (end.closed)
		hear_episode(k);
	else if (!chat_is_open(c))
		start_anew(k);
	c->participants = m->private->people.n;
	c->waiting_since = chat_is_open(c) ? end.w : CLOCK_NONE;
}

/* The responses that count, from the intervals. */
static size_t
find_credits(struct collector *k)
{
	struct model_private *p = k->model->private;
	struct chat *c = k->chat;
	const struct interval *v = p->intervals;
	struct credit *to;
	size_t i, n = 0;

	memset(&c->responses, 0, sizeof c->responses);
	c->first_response = STATS_NONE;
	c->skewed = 0;
	for (i = k->present; chat_is_open(c) && i < k->n; i++) {
		if (v[i].kind != INTERVAL_FIRST_RESPONSE &&
		    v[i].kind != INTERVAL_REPLY)
			continue;
		tally_add(&c->responses, v[i].ms);
		c->skewed += v[i].skewed;
		if (v[i].kind == INTERVAL_FIRST_RESPONSE)
			c->first_response = v[i].ms;
		XGROW(p->credits, n, p->credits_cap);
		to = &p->credits[n++];
		to->ms = v[i].ms;
		to->operator_id = v[i].operator_id;
		to->first = v[i].kind == INTERVAL_FIRST_RESPONSE;
		to->skewed = v[i].skewed;
	}
	return n;
}

static bool
is_told(const struct told *t, const struct interval *i)
{
	return t->start == i->start && t->end == i->end &&
	       t->kind == (uint8_t)i->kind &&
	       t->operator_id == i->operator_id &&
	       ident_same(t->message, i->message);
}

static void
withdraw(struct model *m, const struct chat *c, const struct told *t)
{
	struct interval i = { .kind = (enum interval_kind)t->kind,
		.start = t->start,
		.end = t->end,
		.skewed = t->skewed,
		.operator_id = t->operator_id,
		.message = t->message };

	i.ms = m->rules->length(t->start, t->end);
	if (i.ms < 0)
		i.ms = 0;
	m->interval(m->ctx, m, c, &i, true);
}

/* Keeps v as what was told of the chat. */
static void
keep_told(struct model *m, struct chat *c, const struct interval *v, size_t n)
{
	struct told *told = n > 0 ? xcalloc(n, sizeof *told) : NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		told[i].start = v[i].start;
		told[i].end = v[i].end;
		told[i].message = v[i].message;
		told[i].operator_id = v[i].operator_id;
		told[i].kind = (uint8_t)v[i].kind;
		told[i].skewed = v[i].skewed;
		names_hold(&m->lexicon.names, v[i].operator_id);
	}
	for (i = 0; i < c->told_n; i++)
		names_drop(&m->lexicon.names, c->told[i].operator_id);
	free(c->told);
	c->told = told;
	c->told_n = (uint32_t)n;
}

/* Tells of the intervals that are new or no more. */
static void
tell(struct collector *k)
{
	struct model *m = k->model;
	struct chat *c = k->chat;
	const struct interval *v = m->private->intervals;
	size_t from = 0, old_end = c->told_n, end = k->n, i;

	if (m->interval == NULL)
		return;
	while (
	    from < old_end && from < end && is_told(&c->told[from], &v[from]))
		from++;
	while (old_end > from && end > from &&
	       is_told(&c->told[old_end - 1], &v[end - 1])) {
		old_end--;
		end--;
	}
	for (i = from; i < old_end; i++)
		withdraw(m, c, &c->told[i]);
	for (i = from; i < end; i++)
		m->interval(m->ctx, m, c, &v[i], false);
	if (m->lasting && (from < old_end || from < end))
		keep_told(m, c, v, k->n);
}

/* What past episodes that are older than the window leave behind. */
static void
forget(struct collector *k)
{
	struct model *m = k->model;
	struct chat *c = k->chat;
	struct forgotten *f = &c->forgotten;
	const struct message *x;
	enum chat_status status;
	size_t i;

	for (i = 0; i < k->old; i++) {
		x = &c->messages[i];
		status = status_by(clocks_classify(x));
		if (status != CHAT_NONE) {
			f->status = status;
			f->status_at = x->at;
		}
		if (clocks_classify(x) != HAPPENS_TRANSFER)
			continue;
		names_hold(&m->lexicon.names, x->operator_id);
		names_drop(&m->lexicon.names, f->holder);
		f->holder = x->operator_id;
		f->holder_at = x->at;
	}
	f->at = c->messages[k->old - 1].at;
	if (m->interval != NULL) {
		for (i = 0; i < k->old_intervals; i++)
			names_drop(&m->lexicon.names, c->told[i].operator_id);
		c->told_n -= (uint32_t)k->old_intervals;
		memmove(c->told, c->told + k->old_intervals,
		    c->told_n * sizeof *c->told);
	}
	chats_drop_messages(m, c, k->old);
	c->settled = c->n;
	c->clean = 0;
}

static void
find_newest(struct chat *c)
{
	c->newest = c->forgotten.at;
	if (c->n > 0 && c->messages[c->n - 1].at > c->newest)
		c->newest = c->messages[c->n - 1].at;
	if (c->now.at > c->newest)
		c->newest = c->now.at;
}

static void
put_in_order(struct model *m, struct chat *c)
{
	size_t first;

	if (!m->lasting && !m->prompt) {
		c->n =
		    (uint32_t)timeline_settle(&m->lexicon, c->messages, c->n);
		return;
	}
	first = timeline_sort(&m->lexicon, c->messages, c->n, c->settled);
	if (first < c->clean)
		c->clean = (uint32_t)first;
	if (c->settled < c->clean)
		c->clean = c->settled;
	c->settled = c->n;
}

static void
settle_chat(struct model *m, struct chat *c)
{
	struct collector k;

	put_in_order(m, c);
	settle_described(c);
	if (m->stream)
		follow_stream(c);
	find_newest(c);
	walk(&k, m, c);
	credit_chat(m, c, m->private->credits, find_credits(&k));
	tell(&k);
	credit_open(m, c);
	if (k.old > 0)
		forget(&k);
	c->left |= c->shown && !chat_is_open(c);
	c->shown = chat_is_open(c);
	c->dirty = false;
	chats_expect_leaving(m, c);
}

void
settle_silently(struct model *m, struct chat *c)
{
	struct collector k;

	if (m->interval == NULL)
		return;
	walk(&k, m, c);
	keep_told(m, c, m->private->intervals, k.n);
}

/* Nothing needs it any more. */
void
settle_gone(struct model *m, struct chat *c)
{
	chats_touch(m, c, false);
	c->gone = true;
	c->dirty = false;
	c->left |= c->shown;
	c->shown = false;
	c->waiting_since = CLOCK_NONE;
	credit_chat(m, c, NULL, 0);
	credit_open(m, c);
}

static void
sort_operators(const struct model *m, struct operator_info **v, size_t n)
{
	struct order_item *items = xcalloc(n + 1, sizeof *items);
	struct text none = { NULL, 0 };
	size_t i;

	for (i = 0; i < n; i++)
		order_set(&items[i], operator_id(m, v[i]), none, v[i]);
	order_sort(items, n);
	for (i = 0; i < n; i++)
		v[i] = items[i].item;
	free(items);
}

/* Has the memory on its way that the next chats stand in. */
static void
look_ahead(struct chat *const *v, size_t n, size_t i)
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
settle_lasting(struct model *m)
{
	struct model_changes *x = &m->changes;
	struct chat *c;
	size_t i;

	for (i = 0; i < x->chats_n; i++) {
		look_ahead(x->chats, x->chats_n, i);
		if (x->chats[i]->dirty && !x->chats[i]->gone)
			settle_chat(m, x->chats[i]);
	}
	if (m->window > 0 && m->as_of != CLOCK_NONE) {
		while (
		    (c = chats_next_leaving(m, m->as_of - m->window)) != NULL)
			settle_gone(m, c);
		model_expire(m);
	}
	chats_sort(x->chats, x->chats_n);
	sort_operators(m, x->operators, x->operators_n);
	events_sort(m, x->events, x->events_n);
}

void
model_settle(struct model *m, const struct rules *rules)
{
	size_t i;

	m->rules = rules;
	pending_flush(m);
	if (m->lasting) {
		settle_lasting(m);
	} else {
		chats_sort(m->chats, m->chats_n);
		for (i = 0; i < m->chats_n; i++) {
			look_ahead(m->chats, m->chats_n, i);
			settle_chat(m, m->chats[i]);
		}
		sort_operators(m, m->operators, m->operators_n);
		events_sort(m, m->events, m->events_n);
	}
	credit_waits(m);
}
