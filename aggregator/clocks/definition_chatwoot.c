/*
 * definition_chatwoot: Chatwoot's definition of the clocks, for comparing its
 * reports with ours. Each function is one cell of the column "chatwoot" in the
 * table of messaging-metrics(7).
 */
#include "aggregator/clocks/clocks.h"

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
chatwoot_nothing(struct clocks *c, const struct message *m)
{
	(void)c;
	(void)m;
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
		clocks_emit(c, INTERVAL_FIRST_RESPONSE, c->a, m->at,
		    message_operator(m));
	} else if (c->w != CLOCK_NONE) {
		clocks_emit(c, INTERVAL_REPLY, c->w, m->at, c->assignee);
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
	clocks_emit(c, INTERVAL_RESOLUTION, c->from, m->at, c->assignee);
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

/* Chatwoot has no interval for an unfinished wait; waiting_since reports it. */
static void
chatwoot_waits(struct clocks *c, int64_t as_of)
{
	(void)c;
	(void)as_of;
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

const struct definition definition_chatwoot = {
	.name = "chatwoot",
	.whole_life = true,
	.begin = chatwoot_begin,
	.on = {
		[EVENT_NOTHING] = chatwoot_nothing,
		[EVENT_CUSTOMER_WRITES] = chatwoot_customer_writes,
		[EVENT_HUMAN_ANSWERS] = chatwoot_human_answers,
		[EVENT_BOT_ANSWERS] = chatwoot_bot_answers,
		[EVENT_HANDOFF] = chatwoot_handoff,
		[EVENT_REOPENED] = chatwoot_reopened,
		[EVENT_TRANSFER] = chatwoot_transfer,
		[EVENT_CLOSED] = chatwoot_closed,
	},
	.opened = chatwoot_opened,
	.waits = chatwoot_waits,
	.length = chatwoot_length,
};
