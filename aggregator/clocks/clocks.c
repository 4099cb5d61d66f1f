/*
 * clocks: see clocks.h. Here is what both definitions share; what differs
 * stands in rules_*.c.
 */
#include "aggregator/clocks/clocks.h"

#include <string.h>

#include "common/base/xalloc.h"

static const char *const interval_names[] = {
	[INTERVAL_FIRST_RESPONSE] = "first_response",
	[INTERVAL_REPLY] = "reply",
	[INTERVAL_RESOLUTION] = "resolution",
	[INTERVAL_UNANSWERED] = "unanswered",
	[INTERVAL_WAITING] = "waiting",
};

const char *
clocks_interval_name(enum interval_kind k)
{
	return interval_names[k];
}

const struct rules *
rules_find(const char *name)
{
	static const struct rules *const all[] = { &rules_ours,
		&rules_chatwoot };
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

void
clocks_emit(struct clocks *c, enum interval_kind kind, int64_t start,
    int64_t end, uint32_t operator_id)
{
	struct interval i = { .kind = kind,
		.start = start,
		.end = end,
		.operator_id = operator_id,
		.running = c->now == NULL && !c->said,
		.said = c->said,
		.message = c->now != NULL ? c->now->id : 0 };

	i.ms = c->rules->length(start, end);
	i.skewed = i.ms < 0;
	if (i.skewed)
		i.ms = 0;
	if (c->to->interval != NULL)
		c->to->interval(c->to->ctx, &i);
}

/* Who held the chat before anything told so: whoever the first chat record
 * names, unless it had come to them by a transfer before. In a stream no longer
 * before it than is remembered, whenever it came. */
static void
find_first_holder(struct clocks *c)
{
	const struct clocks_chat *chat = c->chat;
	const struct message *m, *end = chat->messages + chat->n;
	const struct mark *x, *first = NULL;

	c->holder = chat->first_holder;
	c->holder_known = c->holder_said = chat->knows_first;
	for (x = chat->marks; x < chat->marks + chat->marks_n; x++)
		if (x->kind == MARK_HOLDER &&
		    (first == NULL || x->at == first->at))
			first = x;
	if (first != NULL && !chat->knows_first) {
		c->holder_guessed = true;
		c->guess = first->holder;
		c->guess_from =
		    chat->reach > 0 && first->at >= INT64_MIN + chat->reach
			? first->at - chat->reach
			: INT64_MIN;
	}
	for (m = chat->messages; m < end; m++) {
		if (clocks_classify(m) != HAPPENS_TRANSFER)
			continue;
		c->ever_assigned = true;
		if (first != NULL && !chat->knows_first && m->at < first->at &&
		    m->operator_id == first->holder)
			c->guess = 0;
	}
}

/* Who held it at that time, as long as nothing told so. */
static void
guess_holder(struct clocks *c, int64_t at)
{
	if (!c->holder_guessed)
		return;
	c->holder_known = at >= c->guess_from;
	c->holder = c->holder_known ? c->guess : 0;
}

void
clocks_reset(struct clocks *c)
{
	c->a = CLOCK_NONE;
	c->w = CLOCK_NONE;
	c->f = CLOCK_NONE;
	c->from = CLOCK_NONE;
	c->part = CLOCK_NONE;
	c->shard_cut = false;
	c->handed_off = false;
	c->begun = false;
}

/* A closing, by whatever told of it. */
static void
close_chat(struct clocks *c, const struct message *m)
{
	c->rules->on[HAPPENS_CLOSED](c, m);
	c->begun = false;
	c->said_closed = c->said;
	c->ended_at = m->at;
}

static void
apply_mark(struct clocks *c, const struct mark *x)
{
	struct message closing = { .from = FROM_SYSTEM, .is = KIND_CLOSED };

	switch (x->kind) {
	case MARK_OPENED:
		c->rules->opened(c, x->at);
		c->said_closed = false;
		c->begun_before = false;
		break;
	case MARK_HOLDER:
		c->holder = x->holder;
		c->holder_known = c->holder_said = true;
		c->holder_guessed = false;
		break;
	case MARK_CLOSED:
		message_set_at(&closing, x->at);
		if (c->begun)
			close_chat(c, &closing);
		/* It was told of before the messages were forgotten. */
		else if (c->begun_before)
			c->said_closed = true;
		c->begun_before = false;
		break;
	}
}

/* What chat records told before the message; NULL: all that is left. */
static void
apply_marks(struct clocks *c, const struct message *m)
{
	const struct mark *x;

	c->now = NULL;
	c->said = true;
	for (; c->marks < c->chat->marks_n; c->marks++) {
		x = &c->chat->marks[c->marks];
		if (m != NULL && (x->at > m->at || (x->at == m->at &&
						       x->kind == MARK_CLOSED)))
			break;
		guess_holder(c, x->at);
		apply_mark(c, x);
	}
	c->said = false;
}

static void
enter_message(struct clocks *c, const struct message *m)
{
	if (c->closed && c->to->episode != NULL)
		c->to->episode(c->to->ctx, c->ended_at);
	c->closed = false;
	c->begun = true;
	c->begun_before = false;
	if (c->from == CLOCK_NONE)
		c->from = m->at;
}

static void
walk_message(struct clocks *c, const struct message *m)
{
	enum event_kind h = clocks_classify(m);

	apply_marks(c, m);
	guess_holder(c, m->at);
	c->now = m;
	/* A chat record may have told of this closing. */
	if (h != HAPPENS_CLOSED || !c->said_closed || c->begun) {
		enter_message(c, m);
		if (h == HAPPENS_CLOSED)
			close_chat(c, m);
		else
			c->rules->on[h](c, m);
	}
	if (c->to->message != NULL)
		c->to->message(c->to->ctx, c, m, h);
}

enum clocks_stand
clocks_stand(const struct clocks *c)
{
	if (c->begun)
		return STAND_BEGUN;
	return c->said_closed ? STAND_SAID_CLOSED : STAND_OVER;
}

void
clocks_walk(const struct rules *rules, const struct clocks_chat *chat,
    const struct clocks_listener *to, struct clocks *end)
{
	struct clocks c = { .rules = rules,
		.chat = chat,
		.to = to,
		.begun_before = chat->first_stand == STAND_BEGUN,
		.said_closed = chat->first_stand == STAND_SAID_CLOSED };
	size_t i;

	clocks_reset(&c);
	find_first_holder(&c);
	rules->begin(&c);
	for (i = 0; i < chat->n; i++)
		walk_message(&c, &chat->messages[i]);
	apply_marks(&c, NULL);
	c.now = NULL;
	if (chat->ongoing && c.w != CLOCK_NONE)
		rules->waits(&c, chat->as_of);
	if (end != NULL)
		*end = c;
}
