/*
 * definition_ours: our definition of the clocks. Each function is one cell of
 * the column "ours" in the table of messaging-metrics(7).
 */
#include "aggregator/clocks/clocks.h"

static void
ours_begin(struct clocks *c)
{
	(void)c; /* A stays empty until someone writes */
}

static void
ours_nothing(struct clocks *c, const struct message *m)
{
	(void)c;
	(void)m;
}

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
		clocks_emit(
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
			clocks_emit(c, INTERVAL_FIRST_RESPONSE, c->a, m->at,
			    message_operator(m));
	} else if (c->w != CLOCK_NONE) {
		clocks_emit(
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
		clocks_emit(c, INTERVAL_WAITING, c->part_start, m->at, before);
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
	clocks_emit(c, INTERVAL_RESOLUTION, c->from, m->at, c->assignee);
	if (w != CLOCK_NONE)
		clocks_emit(c, INTERVAL_UNANSWERED, w, m->at, c->assignee);
	clocks_reset(c);
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
	clocks_reset(c);
}

/* The last part of the wait belongs to the current assignee. */
static void
ours_waits(struct clocks *c, int64_t as_of)
{
	clocks_emit(
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
	.begin = ours_begin,
	.on = {
		[EVENT_NOTHING] = ours_nothing,
		[EVENT_CUSTOMER_WRITES] = ours_customer_writes,
		[EVENT_HUMAN_ANSWERS] = ours_human_answers,
		[EVENT_BOT_ANSWERS] = ours_bot_answers,
		[EVENT_HANDOFF] = ours_handoff,
		[EVENT_REOPENED] = ours_nothing,
		[EVENT_TRANSFER] = ours_transfer,
		[EVENT_CLOSED] = ours_closed,
	},
	.opened = ours_opened,
	.waits = ours_waits,
	.length = ours_length,
};
