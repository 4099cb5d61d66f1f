/*
 * explain_walk: see explain_walk.h. A line is made for each message, and one
 * more for each further interval that it ends. Whether an episode is an earlier
 * one is known only when the next one begins, or the chat is open again.
 */
#include "aggregator/modes/explain_walk.h"

#include <string.h>

#include "common/base/xalloc.h"

static void
on_explained_interval(void *ctx, const struct interval *i)
{
	struct explain_lines *s = ctx;
	struct explain_line *l;

	XGROW(s->lines, s->n, s->cap);
	l = &s->lines[s->n++];
	memset(l, 0, sizeof *l);
	l->episode = s->episode;
	l->counts = true;
	l->event = "now";
	l->at = i->end;
	l->has_interval = true;
	l->interval = *i;
	if (!i->by_record)
		return;
	/* It ended without a message. */
	l->event = "chat closed";
	s->first = s->n;
}

/* What a message did to the clocks, when it ended no interval. */
static const char *
describe_change(
    const struct explain_lines *s, const struct clocks *c, bool ended)
{
	bool a_set = c->a != s->a && c->a != CLOCK_NONE && !ended;
	bool w_set = c->w != s->w && c->w != CLOCK_NONE;
	bool shown = c->f == CLOCK_NONE; /* A matters only until then */

	if (a_set && shown && w_set)
		return "first response and wait start";
	if (a_set && shown)
		return s->a == CLOCK_NONE ? "first response starts"
					  : "first response starts anew";
	if (w_set)
		return "wait starts";
	if (s->w != CLOCK_NONE && c->w == CLOCK_NONE && !ended)
		return "wait ends, nothing is counted";
	return NULL;
}

static void
on_explained_message(void *ctx, const struct clocks *c, const struct message *m,
    enum event_kind h)
{
	struct explain_lines *s = ctx;
	bool counts = m->at >= s->counts_from, ended;
	size_t i;

	/* Intervals of a message that does not count are dropped. */
	if (!counts)
		s->n = s->first;
	ended = s->n > s->first;

	(void)h;
	if (!ended) {
		XGROW(s->lines, s->n, s->cap);
		memset(&s->lines[s->n++], 0, sizeof *s->lines);
	}
	for (i = s->first; i < s->n; i++) {
		s->lines[i].m = m;
		s->lines[i].episode = s->episode;
		s->lines[i].counts = counts;
	}
	s->lines[s->first].change = describe_change(s, c, ended);
	s->first = s->n;
	s->a = c->a;
	s->w = c->w;
}

static void
on_explained_episode(void *ctx, int64_t ended_at)
{
	struct explain_lines *s = ctx;

	(void)ended_at;
	s->episode++;
	s->a = CLOCK_NONE;
}

/* A running wait is shown also when the definition does not count it. */
static void
show_wait(struct explain_lines *s, const struct explain *x, int64_t since)
{
	struct interval wait = { .kind = INTERVAL_WAITING,
		.start = since,
		.end = x->model->as_of,
		.running = true,
		.operator_id = x->chat->now.assignee };

	if (wait.end > since)
		wait.ms = wait.end - since;
	on_explained_interval(s, &wait);
	s->lines[s->n - 1].shown_only = true;
}

/* Some definitions start a clock when the chat is opened. */
static void
show_opening(
    struct explain_lines *s, const struct explain *x, int64_t opened_at)
{
	struct explain_line *l;

	if (!x->definition->whole_life || opened_at == CLOCK_NONE)
		return;
	XGROW(s->lines, s->n, s->cap);
	l = &s->lines[s->n++];
	memset(l, 0, sizeof *l);
	l->event = "chat opened";
	l->at = opened_at;
	l->counts = true;
	l->change = "first response starts";
	s->first = s->n;
	s->a = opened_at;
}

void
explain_walk(const struct explain *x, struct explain_lines *s)
{
	struct clocks_listener to = { .ctx = s,
		.on_interval = on_explained_interval,
		.on_message = on_explained_message,
		.on_episode = on_explained_episode };
	struct clocks_chat walk = model_clocks_chat(x->model, x->chat);
	struct clocks end;

	memset(s, 0, sizeof *s);
	s->a = CLOCK_NONE;
	s->w = CLOCK_NONE;
	s->counts_from =
	    x->definition->whole_life ? CLOCK_NONE : x->chat->now.opened_at;
	show_opening(s, x, walk.opened_at);
	clocks_walk(x->definition, &walk, &to, &end);
	/* It was opened again, and nothing is written yet. */
	if (chat_is_open(x->chat) && end.closed && !x->definition->whole_life)
		s->episode++;
	if (chat_is_open(x->chat) && end.w != CLOCK_NONE && s->n == s->first)
		show_wait(s, x, end.w);
}
