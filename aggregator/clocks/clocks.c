/*
 * clocks: see clocks.h. First the walk, which both definitions share, then the
 * definitions: a function is one cell of the table in messaging-metrics(7).
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

/* Passes an interval to the listener. */
static void
emit_interval(struct clocks *c, enum interval_kind kind, int64_t start,
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

/* Sets the state in which an episode begins. */
static void
reset_clocks(struct clocks *c)
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
		else if (c->definition->on[kind] != NULL)
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

	reset_clocks(&c);
	find_first_assignee(&c);
	if (definition->begin != NULL)
		definition->begin(&c);
	for (i = 0; i < chat->n; i++)
		walk_message(&c, &chat->messages[i]);
	apply_marks(&c, NULL);
	c.current = NULL;
	if (chat->ongoing && c.w != CLOCK_NONE && definition->waits != NULL)
		definition->waits(&c, chat->as_of);
	if (end != NULL)
		*end = c;
}

/* Our definition: the column "ours". */

static void
start_wait(struct clocks *c, int64_t at)
{
	if (c->w != CLOCK_NONE)
		return;
	c->w = at;
	c->part_start = at;
	c->wait_split = false;
}

/* Ends the wait. If a transfer split it, this also emits the last assignee's
 * part, so that the parts add up to the whole wait. */
static void
stop_wait(struct clocks *c, int64_t at)
{
	if (c->w != CLOCK_NONE && c->wait_split)
		emit_interval(
		    c, INTERVAL_WAITING, c->part_start, at, c->assignee);
	c->w = CLOCK_NONE;
	c->part_start = CLOCK_NONE;
	c->wait_split = false;
}

static void
ours_customer_writes(struct clocks *c, const struct message *m)
{
	if (c->a == CLOCK_NONE)
		c->a = m->at;
	start_wait(c, m->at);
}

static void
ours_human_answers(struct clocks *c, const struct message *m)
{
	if (c->f == CLOCK_NONE) {
		c->f = m->at;
		if (c->a != CLOCK_NONE)
			emit_interval(c, INTERVAL_FIRST_RESPONSE, c->a, m->at,
			    message_operator(m));
	} else if (c->w != CLOCK_NONE) {
		emit_interval(
		    c, INTERVAL_REPLY, c->w, m->at, message_operator(m));
	}
	stop_wait(c, m->at);
}

static void
ours_bot_answers(struct clocks *c, const struct message *m)
{
	stop_wait(c, m->at);
}

/* Only the first hand-off in each episode counts. */
static void
ours_handoff(struct clocks *c, const struct message *m)
{
	if (c->handed_off)
		return;
	c->handed_off = true;
	c->a = m->at;
	start_wait(c, m->at);
}

/* A chat record with the same time and operator reports the same transfer: the
 * webhook of a transfer shows the chat as it is afterwards. */
static void
ours_transfer(struct clocks *c, const struct message *m)
{
	uint32_t before = c->assignee;

	if (before == m->operator_id && c->replaced_at == m->at)
		before = c->replaced;
	c->replaced_at = CLOCK_NONE;
	c->assignee_known = true;
	if (before == m->operator_id)
		return;
	if (c->w != CLOCK_NONE) {
		emit_interval(
		    c, INTERVAL_WAITING, c->part_start, m->at, before);
		c->part_start = m->at;
		c->wait_split = true;
	}
	c->assignee = m->operator_id;
}

static void
ours_closed(struct clocks *c, const struct message *m)
{
	int64_t w = c->w;

	stop_wait(c, m->at);
	emit_interval(c, INTERVAL_RESOLUTION, c->from, m->at, c->assignee);
	if (w != CLOCK_NONE)
		emit_interval(c, INTERVAL_UNANSWERED, w, m->at, c->assignee);
	reset_clocks(c);
	c->closed = true;
}

/* Ends the previous episode. */
static void
ours_opened(struct clocks *c, int64_t at)
{
	if (c->begun) {
		c->closed = true;
		c->ended_at = at;
	}
	reset_clocks(c);
}

/* The last part of the wait belongs to the current assignee. */
static void
ours_waits(struct clocks *c, int64_t as_of)
{
	emit_interval(
	    c, INTERVAL_WAITING, c->part_start, as_of, c->chat->assignee);
}

static int64_t
ours_length(int64_t start, int64_t stop)
{
	return stop - start;
}

const struct definition definition_ours = {
	.name = "ours",
	.whole_life = false,
	.on = {
		[EVENT_CUSTOMER_WRITES] = ours_customer_writes,
		[EVENT_HUMAN_ANSWERS] = ours_human_answers,
		[EVENT_BOT_ANSWERS] = ours_bot_answers,
		[EVENT_HANDOFF] = ours_handoff,
		[EVENT_TRANSFER] = ours_transfer,
		[EVENT_CLOSED] = ours_closed,
	},
	.opened = ours_opened,
	.waits = ours_waits,
	.length = ours_length,
};

/* Chatwoot's definition, for comparing its reports with ours: the column
 * "chatwoot". */

/* A is always set: to the opening of the chat or, if unknown, to its first
 * message. */
static void
chatwoot_begin(struct clocks *c)
{
	c->a = c->chat->opened_at;
	if (c->a == CLOCK_NONE && c->chat->n > 0)
		c->a = c->chat->messages[0].at;
	c->from = c->a;
}

static void
chatwoot_customer_writes(struct clocks *c, const struct message *m)
{
	if (c->w == CLOCK_NONE)
		c->w = m->at;
}

static void
chatwoot_human_answers(struct clocks *c, const struct message *m)
{
	if (c->f == CLOCK_NONE) {
		c->f = m->at;
		emit_interval(c, INTERVAL_FIRST_RESPONSE, c->a, m->at,
		    message_operator(m));
	} else if (c->w != CLOCK_NONE) {
		emit_interval(c, INTERVAL_REPLY, c->w, m->at, c->assignee);
	}
	c->w = CLOCK_NONE;
}

static void
chatwoot_bot_answers(struct clocks *c, const struct message *m)
{
	(void)m;
	c->w = CLOCK_NONE;
}

/* Only the first hand-off in the chat's life counts. */
static void
chatwoot_handoff(struct clocks *c, const struct message *m)
{
	if (c->handed_off)
		return;
	c->handed_off = true;
	c->a = m->at;
	if (c->w == CLOCK_NONE)
		c->w = m->at;
}

/* Only matters while F is empty. */
static void
chatwoot_reopened(struct clocks *c, const struct message *m)
{
	c->a = m->at;
}

static void
chatwoot_transfer(struct clocks *c, const struct message *m)
{
	c->assignee = m->operator_id;
	c->assignee_known = true;
}

static void
chatwoot_closed(struct clocks *c, const struct message *m)
{
	emit_interval(c, INTERVAL_RESOLUTION, c->from, m->at, c->assignee);
	c->w = CLOCK_NONE;
}

/* A later opening does not change A for messages before it. */
static void
chatwoot_opened(struct clocks *c, int64_t at)
{
	if (at <= c->from)
		return;
	c->from = at;
	c->a = at; /* only matters while F is empty */
}

static int64_t
floor_seconds(int64_t ms)
{
	return ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
}

static int64_t
chatwoot_length(int64_t start, int64_t stop)
{
	return (floor_seconds(stop) - floor_seconds(start)) * 1000;
}

static const struct definition definition_chatwoot = {
	.name = "chatwoot",
	.whole_life = true,
	.begin = chatwoot_begin,
	.on = {
		[EVENT_CUSTOMER_WRITES] = chatwoot_customer_writes,
		[EVENT_HUMAN_ANSWERS] = chatwoot_human_answers,
		[EVENT_BOT_ANSWERS] = chatwoot_bot_answers,
		[EVENT_HANDOFF] = chatwoot_handoff,
		[EVENT_REOPENED] = chatwoot_reopened,
		[EVENT_TRANSFER] = chatwoot_transfer,
		[EVENT_CLOSED] = chatwoot_closed,
	},
	.opened = chatwoot_opened,
	/* waiting_since reports an unfinished wait. */
	.waits = NULL,
	.length = chatwoot_length,
};

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
