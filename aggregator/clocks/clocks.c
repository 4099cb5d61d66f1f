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
		.first = kind == INTERVAL_UNANSWERED && c->f == CLOCK_NONE &&
			 c->a != CLOCK_NONE,
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

static void
begin_episode(struct clocks *c, int64_t at)
{
	if (!c->begun)
		c->begun_at = at;
	c->begun = true;
}

/* Handles a closing that a message or a chat record reported. If nothing has
 * happened since the last closing, there is nothing to close. */
static void
close_chat(struct clocks *c, const struct message *m)
{
	c->told_at = m->at;
	if (!c->begun)
		return;
	c->definition->on[EVENT_CLOSED](c, m);
	c->begun = false;
	c->ended_at = m->at;
	if (c->deferred == m->at)
		c->definition->opened(c, m->at);
	c->deferred = CLOCK_NONE;
}

static void
close_by_record(struct clocks *c, int64_t at)
{
	struct message closing = { .from = FROM_SYSTEM, .is = KIND_CLOSED };

	message_set_at(&closing, at);
	close_chat(c, &closing);
}

/* True if a message that follows closes the chat at that time. */
static bool
has_closing_message(const struct clocks *c, int64_t at)
{
	const struct clocks_chat *chat = c->chat;
	size_t i;

	for (i = c->walked; i < chat->n && chat->messages[i].at == at; i++)
		if (clocks_classify(&chat->messages[i]) == EVENT_CLOSED)
			return true;
	return false;
}

/* True if a mark that follows closes the chat at that time. */
static bool
has_closing_mark(const struct clocks *c, int64_t at)
{
	const struct mark *x = &c->chat->marks[c->marks],
			  *end = c->chat->marks + c->chat->marks_n;

	for (; x < end && x->at == at; x++)
		if (x->kind == MARK_CLOSED)
			return true;
	return false;
}

static void
open_by_record(struct clocks *c, int64_t at)
{
	if (c->begun && c->begun_at < at) {
		if (has_closing_message(c, at)) {
			c->deferred = at;
			return;
		}
		if (has_closing_mark(c, at))
			close_by_record(c, at);
	}
	c->definition->opened(c, at);
}

/* Not inline: most messages have no mark before them. */
static __attribute__((noinline)) void
apply_mark(struct clocks *c, const struct mark *x)
{
	switch (x->kind) {
	case MARK_ASSIGNEE:
		if (x->at <= clocks_wins_until(c->transferred_at))
			break;
		if (c->replaced_at != x->at)
			c->replaced = c->assignee;
		c->replaced_at = x->at;
		c->assignee = x->assignee;
		c->assignee_known = true;
		break;
	case MARK_OPENED:
		open_by_record(c, x->at);
		break;
	case MARK_CLOSED:
		/* A message in the second of the closing may begin an episode,
		 * which this closing must not end. */
		if (c->told_at != x->at)
			close_by_record(c, x->at);
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
	begin_episode(c, m->at);
	if (c->from == CLOCK_NONE)
		c->from = m->at;
}

/* An automated message belongs to an episode, but begins none. The flags of a
 * system message do not matter. */
static bool
is_in_episode(const struct clocks *c, const struct message *m)
{
	return c->begun || m->from == FROM_SYSTEM || !m->automated;
}

static void
walk_message(struct clocks *c, const struct message *m)
{
	enum event_kind kind = clocks_classify(m);

	apply_marks(c, m);
	c->current = m;
	if (kind == EVENT_CLOSED) {
		close_chat(c, m);
	} else {
		if (is_in_episode(c, m))
			enter_message(c, m);
		if (c->definition->on[kind] != NULL)
			c->definition->on[kind](c, m);
	}
	if (kind == EVENT_TRANSFER)
		c->transferred_at = m->at;
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
		.told_at = CLOCK_NONE,
		.deferred = CLOCK_NONE,
		.transferred_at = CLOCK_NONE,
		.replaced_at = CLOCK_NONE };

	reset_clocks(&c);
	find_first_assignee(&c);
	if (definition->begin != NULL)
		definition->begin(&c);
	for (; c.walked < chat->n; c.walked++)
		walk_message(&c, &chat->messages[c.walked]);
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

/* Emits the part of the wait that belongs to one assignee. */
static void
emit_part(struct clocks *c, int64_t at, uint32_t assignee)
{
	if (at > c->part_start)
		emit_interval(c, INTERVAL_WAITING, c->part_start, at, assignee);
}

/* Ends the wait. If a transfer split it, this also emits the last assignee's
 * part, so that the parts add up to the whole wait. */
static void
stop_wait(struct clocks *c, int64_t at)
{
	if (c->w != CLOCK_NONE && c->wait_split)
		emit_part(c, at, c->assignee);
	c->w = CLOCK_NONE;
	c->part_start = CLOCK_NONE;
	c->wait_split = false;
}

/* A CRM may assign a chat to the operator who answers it. A wait that was
 * divided in the second of the answer, for the answerer, belongs to them as a
 * whole. */
static void
join_wait(struct clocks *c, const struct message *answer)
{
	if (c->w == CLOCK_NONE || !c->wait_split || c->assignee == 0 ||
	    c->assignee != message_operator(answer) ||
	    clock_floor(c->part_start, 1000) != clock_floor(answer->at, 1000))
		return;
	c->wait_split = false;
	if (c->listener->on_undivided != NULL)
		c->listener->on_undivided(c->listener->ctx, c->w);
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
	join_wait(c, m);
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
		emit_part(c, m->at, before);
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
	c->opening_known = c->a != CLOCK_NONE;
	if (c->opening_known)
		begin_episode(c, c->a);
	else if (c->chat->n > 0)
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

/* Only the first opening counts for resolutions. A later one only matters while
 * F is empty, and as something that can be closed. */
static void
chatwoot_opened(struct clocks *c, int64_t at)
{
	begin_episode(c, at);
	if (at <= c->from)
		return;
	if (!c->opening_known)
		c->from = at;
	c->opening_known = true;
	c->a = at;
}

static int64_t
chatwoot_length(int64_t start, int64_t stop)
{
	return clock_floor(stop, 1000) - clock_floor(start, 1000);
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
