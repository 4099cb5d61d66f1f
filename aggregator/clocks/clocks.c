/*
 * clocks: see clocks.h. This file has the parts that both definitions share;
 * the rest is in definition_*.c.
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

const struct definition *
definition_find(const char *name)
{
	static const struct definition *const all[] = { &definition_ours,
		&definition_chatwoot };
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
		.running = c->current == NULL && !c->by_record,
		.by_record = c->by_record,
		.message = c->current != NULL ? c->current->id : 0,
		.channel = c->current != NULL ? c->current->channel : 0 };

	i.ms = c->definition->length(start, end);
	i.skewed = i.ms < 0;
	if (i.skewed)
		i.ms = 0;
	if (c->listener->on_interval != NULL)
		c->listener->on_interval(c->listener->ctx, &i);
}

void
clocks_reset(struct clocks *c)
{
	c->a = CLOCK_NONE;
	c->w = CLOCK_NONE;
	c->f = CLOCK_NONE;
	c->from = CLOCK_NONE;
	c->part_start = CLOCK_NONE;
	c->wait_split = false;
	c->handed_off = false;
	c->begun = false;
}

/* Handles a closing that a message or a chat record reported. */
static void
close_chat(struct clocks *c, const struct message *m)
{
	c->definition->on[EVENT_CLOSED](c, m);
	c->begun = false;
	c->episode =
	    c->by_record ? EPISODE_CLOSED_BY_RECORD : EPISODE_CLOSED_BY_MESSAGE;
	c->ended_at = m->at;
	if (!c->by_record)
		c->told_at = m->at;
}

/* Not inline: most messages have no mark before them. */
static __attribute__((noinline)) void
apply_mark(struct clocks *c, const struct mark *x)
{
	struct message closing = { .from = FROM_SYSTEM, .is = KIND_CLOSED };

	switch (x->kind) {
	case MARK_OPENED:
		c->definition->opened(c, x->at);
		c->episode = EPISODE_NONE;
		break;
	case MARK_ASSIGNEE:
		if (x->at <= clocks_wins_until(c->transferred_at))
			break;
		if (c->replaced_at != x->at)
			c->replaced = c->assignee;
		c->replaced_at = x->at;
		c->assignee = x->assignee;
		c->assignee_known = true;
		break;
	case MARK_CLOSED:
		/* A message that belongs to the closing, such as a survey in
		 * the same second, begins a new episode, which this closing
		 * must not end. */
		if (c->told_at == x->at)
			break;
		message_set_at(&closing, x->at);
		if (c->begun)
			close_chat(c, &closing);
		/* This closing ends an episode without messages, or one whose
		 * messages were dropped, so there is no resolution to report. A
		 * definition over the whole life of the chat still has one,
		 * which the message may report. */
		else if (c->episode == EPISODE_ONGOING ||
			 (c->episode == EPISODE_NONE &&
			     !c->definition->whole_life))
			c->episode = EPISODE_CLOSED_BY_RECORD;
		break;
	}
}

/* Applies the marks before message m; all remaining marks if m is NULL. */
static void
apply_marks(struct clocks *c, const struct message *m)
{
	const struct mark *x;

	c->current = NULL;
	c->by_record = true;
	for (; c->marks < c->chat->marks_n; c->marks++) {
		x = &c->chat->marks[c->marks];
		if (m != NULL && (x->at > m->at || (x->at == m->at &&
						       x->kind == MARK_CLOSED)))
			break;
		apply_mark(c, x);
	}
	c->by_record = false;
}

static void
enter_message(struct clocks *c, const struct message *m)
{
	if (c->closed && c->listener->on_episode != NULL)
		c->listener->on_episode(c->listener->ctx, c->ended_at);
	c->closed = false;
	c->begun = true;
	c->episode = EPISODE_ONGOING;
	if (c->from == CLOCK_NONE)
		c->from = m->at;
}

static void
walk_message(struct clocks *c, const struct message *m)
{
	enum event_kind kind = clocks_classify(m);

	apply_marks(c, m);
	c->current = m;
	/* Skip a closing that a chat record has already reported. */
	if (kind != EVENT_CLOSED || c->episode != EPISODE_CLOSED_BY_RECORD) {
		enter_message(c, m);
		if (kind == EVENT_CLOSED)
			close_chat(c, m);
		else
			c->definition->on[kind](c, m);
		if (kind == EVENT_TRANSFER)
			c->transferred_at = m->at;
	}
	if (c->listener->on_message != NULL)
		c->listener->on_message(c->listener->ctx, c, m, kind);
}

/* Finds the assignee at the start of the chat: the operator named by the first
 * chat record or transfer. If both have the same time, the record decides. */
static void
find_first_assignee(struct clocks *c)
{
	const struct clocks_chat *chat = c->chat;
	const struct mark *x, *first = NULL;
	size_t i;

	c->assignee = chat->first_assignee;
	c->assignee_known = chat->first_assignee_known;
	if (c->assignee_known)
		return;
	for (x = chat->marks; x < chat->marks + chat->marks_n; x++) {
		if (x->kind != MARK_ASSIGNEE)
			continue;
		if (first != NULL && x->at > first->at)
			break;
		first = x;
		c->assignee = x->assignee;
	}
	for (i = 0; i < chat->n; i++) {
		if (first != NULL && chat->messages[i].at >= first->at)
			break;
		if (clocks_classify(&chat->messages[i]) != EVENT_TRANSFER)
			continue;
		c->assignee = chat->messages[i].operator_id;
		break;
	}
}

void
clocks_walk(const struct definition *definition, const struct clocks_chat *chat,
    const struct clocks_listener *listener, struct clocks *end)
{
	struct clocks c = { .definition = definition,
		.chat = chat,
		.listener = listener,
		.episode = chat->first_state,
		.told_at = CLOCK_NONE,
		.transferred_at = CLOCK_NONE,
		.replaced_at = CLOCK_NONE };
	size_t i;

	clocks_reset(&c);
	find_first_assignee(&c);
	definition->begin(&c);
	for (i = 0; i < chat->n; i++)
		walk_message(&c, &chat->messages[i]);
	apply_marks(&c, NULL);
	c.current = NULL;
	if (chat->ongoing && c.w != CLOCK_NONE)
		definition->waits(&c, chat->as_of);
	if (end != NULL)
		*end = c;
}
