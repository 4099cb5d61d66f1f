/*
 * rules_ours: our definition of the clocks. Each function is the field, for one
 * event kind, of the column "ours" in the table of messaging-metrics(7).
 */
#include "aggregator/clocks/clocks.h"

static void
ours_begin(struct clocks *c)
{
	(void)c; /* A is empty until somebody writes */
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
	c->part = at;
	c->shard_cut = false;
}

/* The wait is over. If a transfer had cut it, the last holder's part is told
 * too, so that the parts add up to the whole. */
static void
stop_wait(struct clocks *c, int64_t at)
{
	if (c->w != CLOCK_NONE && c->shard_cut)
		clocks_emit(c, INTERVAL_WAITING, c->part, at, c->holder);
	c->w = CLOCK_NONE;
	c->part = CLOCK_NONE;
	c->shard_cut = false;
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

/* The first of each episode. */
static void
ours_handoff(struct clocks *c, const struct message *m)
{
	if (c->handed_off)
		return;
	c->handed_off = true;
	c->a = m->at;
	start_wait(c, m->at);
}

static void
ours_transfer(struct clocks *c, const struct message *m)
{
	c->holder_known = true;
	c->holder_guessed = false;
	if (c->holder == m->operator_id)
		return;
	if (c->w != CLOCK_NONE) {
		clocks_emit(c, INTERVAL_WAITING, c->part, m->at, c->holder);
		c->part = m->at;
		c->shard_cut = true;
	}
	c->holder = m->operator_id;
}

static void
ours_closed(struct clocks *c, const struct message *m)
{
	int64_t w = c->w;

	stop_wait(c, m->at);
	clocks_emit(c, INTERVAL_RESOLUTION, c->from, m->at, c->holder);
	if (w != CLOCK_NONE)
		clocks_emit(c, INTERVAL_UNANSWERED, w, m->at, c->holder);
	clocks_reset(c);
	c->closed = true;
}

/* What was before is over. */
static void
ours_opened(struct clocks *c, int64_t at)
{
	if (c->begun) {
		c->closed = true;
		c->ended_at = at;
	}
	clocks_reset(c);
}

/* Whoever holds the chat now has the last part. */
static void
ours_waits(struct clocks *c, int64_t as_of)
{
	clocks_emit(c, INTERVAL_WAITING, c->part, as_of, c->chat->holder);
}

static int64_t
ours_length(int64_t start, int64_t stop)
{
	return stop - start;
}

const struct rules rules_ours = {
	.name = "ours",
	.whole_life = false,
	.begin = ours_begin,
	.on = {
		[HAPPENS_NOTHING] = ours_nothing,
		[HAPPENS_CUSTOMER_WRITES] = ours_customer_writes,
		[HAPPENS_HUMAN_ANSWERS] = ours_human_answers,
		[HAPPENS_BOT_ANSWERS] = ours_bot_answers,
		[HAPPENS_HANDOFF] = ours_handoff,
		[HAPPENS_REOPENED] = ours_nothing,
		[HAPPENS_TRANSFER] = ours_transfer,
		[HAPPENS_CLOSED] = ours_closed,
	},
	.opened = ours_opened,
	.waits = ours_waits,
	.length = ours_length,
};
