/*
 * clocks: see clocks.h. Here is what both definitions share; what differs
 * stands in rules_*.c.
 */
#include "aggregator/clocks.h"

#include <string.h>

#include "common/xalloc.h"

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
		.running = c->now == NULL,
		.message = c->now != NULL ? c->now->id : 0 };

	i.ms = c->rules->length(start, end);
	i.skewed = i.ms < 0;
	if (i.skewed)
		i.ms = 0;
	if (c->to->interval != NULL)
		c->to->interval(c->to->ctx, &i);
}

/* Who holds the chat before its first message: what the chat record says, if
 * it spoke before the first transfer, or names somebody else than the last one
 * and so knows nothing of transfers. */
static void
find_first_holder(struct clocks *c)
{
	const struct clocks_chat *chat = c->chat;
	const struct message *m, *first = NULL, *last = NULL;

	for (m = chat->messages; m < chat->messages + chat->n; m++) {
		if (clocks_classify(m) != HAPPENS_TRANSFER)
			continue;
		if (first == NULL)
			first = m;
		last = m;
	}
	c->ever_assigned = first != NULL;
	if (chat->knows_first) {
		c->holder_known = true;
		c->holder = chat->first_holder;
		return;
	}
	c->holder_known = first == NULL || chat->described_at <= first->at ||
			  chat->told_holder != last->operator_id;
	c->holder = c->holder_known ? chat->told_holder : 0;
}

/* What was before the chat was opened is over. */
static void
end_early(struct clocks *c)
{
	c->early = false;
	c->a = CLOCK_NONE;
	c->w = CLOCK_NONE;
	c->f = CLOCK_NONE;
	c->from = CLOCK_NONE;
	c->part = CLOCK_NONE;
	c->part_cut = false;
	c->handed_off = false;
	c->closed = true;
}

/* True when the message belongs to an episode that may count. */
static bool
enter(struct clocks *c, const struct message *m)
{
	if (c->rules->whole_life)
		return true;
	if (c->chat->opened_at != CLOCK_NONE && m->at < c->chat->opened_at) {
		c->early = c->chat->history;
		if (!c->early)
			return false;
	} else if (c->early) {
		end_early(c);
	}
	if (c->closed && c->to->episode != NULL)
		c->to->episode(c->to->ctx);
	c->closed = false;
	if (c->from == CLOCK_NONE)
		c->from = m->at;
	return !c->early;
}

void
clocks_walk(const struct rules *rules, const struct clocks_chat *chat,
    const struct clocks_listener *to, struct clocks *end)
{
	struct clocks c = { .rules = rules,
		.chat = chat,
		.to = to,
		.a = CLOCK_NONE,
		.w = CLOCK_NONE,
		.f = CLOCK_NONE,
		.from = CLOCK_NONE,
		.part = CLOCK_NONE };
	const struct message *m;
	enum happening h;
	bool counts;
	size_t i;

	find_first_holder(&c);
	rules->begin(&c);
	for (i = 0; i < chat->n; i++) {
		m = &chat->messages[i];
		c.now = m;
		h = clocks_classify(m);
		counts = enter(&c, m);
		/* Who holds the chat is worth knowing even when the message
		 * itself belongs to an earlier episode. */
		if (counts || c.early || h == HAPPENS_TRANSFER)
			rules->on[h](&c, m);
		if (to->message != NULL)
			to->message(to->ctx, &c, m, h, counts);
	}
	if (c.early)
		end_early(&c);
	c.now = NULL;
	if (chat->ongoing && c.w != CLOCK_NONE)
		rules->waits(&c, chat->as_of);
	if (end != NULL)
		*end = c;
}
