/*
 * derive_figures: walks over a chat whose state is derived, and collects the
 * intervals, the figures of the current episode, and what may be dropped. See
 * derive.h.
 */
#include "aggregator/model/derive.h"

#include "common/base/xalloc.h"

/* What a walk has found so far. */
struct collector {
	const struct derive_setting *setting;
	struct derive_scratch *scratch; /* the setting's */
	struct derived_figures out;
	size_t present; /* the first interval of the current episode */
	size_t walked;  /* messages */
	/* After the last message of the walk. */
	int64_t last_at;
	uint32_t assignee;
	bool assignee_known;
	int64_t transferred_at;
};

/* Earlier messages and intervals do not count. */
static void
start_episode(struct collector *k)
{
	k->out.figures.last_message_at = CLOCK_NONE;
	k->out.figures.messages_counted = 0;
	key_set_empty(&k->scratch->participants);
	if (!k->setting->past_episodes)
		k->scratch->intervals_n = 0;
	k->present = k->scratch->intervals_n;
}

static int64_t
assignee_until(const struct collector *k)
{
	int64_t until = clocks_wins_until(k->transferred_at);

	if (!k->assignee_known)
		return CLOCK_NONE;
	return until > k->last_at ? until : k->last_at;
}

/* Returns the time before which an episode must have ended to be dropped: the
 * start of the window. If no record has named an assignee yet, it is a window
 * earlier: a record that names the first assignee, and therefore also the
 * previous one, may still arrive. */
static int64_t
drop_limit(const struct collector *k)
{
	const struct derive_setting *s = k->setting;

	if (k->assignee_known || s->window_start == INT64_MIN)
		return s->window_start;
	return s->window_start - s->window;
}

/* Everything so far belongs to past episodes. */
static void
collect_episode(void *ctx, int64_t ended_at)
{
	struct collector *k = ctx;
	int64_t limit = drop_limit(k);

	start_episode(k);
	if (k->walked == 0 || k->last_at >= limit || ended_at >= limit)
		return;
	k->out.old.messages = k->walked;
	k->out.old.intervals = k->scratch->intervals_n;
	k->out.old.assignee = k->assignee;
	k->out.old.assignee_until = assignee_until(k);
}

static void
collect_interval(void *ctx, const struct interval *i)
{
	struct collector *k = ctx;
	struct derive_scratch *w = k->scratch;

	if (i->running ||
	    (!k->setting->past_episodes && i->kind != INTERVAL_FIRST_RESPONSE &&
		i->kind != INTERVAL_REPLY))
		return;
	XGROW(w->intervals, w->intervals_n, w->intervals_cap);
	w->intervals[w->intervals_n++] = *i;
}

static void
drop_parts(void *ctx, int64_t since)
{
	struct derive_scratch *w = ((struct collector *)ctx)->scratch;
	const struct interval *last;

	for (; w->intervals_n > 0; w->intervals_n--) {
		last = &w->intervals[w->intervals_n - 1];
		if (last->kind != INTERVAL_WAITING || last->start < since)
			break;
	}
}

static void
collect_message(void *ctx, const struct clocks *clocks, const struct message *m,
    enum event_kind kind)
{
	struct collector *k = ctx;
	struct chat_figures *f = &k->out.figures;

	k->walked++;
	k->last_at = m->at;
	k->assignee = clocks->assignee;
	k->assignee_known = clocks->assignee_known;
	k->transferred_at = clocks->transferred_at;
	if (kind != EVENT_CUSTOMER_WRITES && kind != EVENT_HUMAN_ANSWERS &&
	    kind != EVENT_BOT_ANSWERS)
		return;
	f->messages_counted++;
	f->last_message_at = m->at;
	(void)key_set_add(&k->scratch->participants, message_participant(m));
}

/* Counts the responses of the current episode, and marks them as credited. */
static void
count_responses(struct collector *k)
{
	struct chat_figures *f = &k->out.figures;
	struct interval *i = k->scratch->intervals + k->present,
			*end = k->scratch->intervals + k->scratch->intervals_n;

	for (; i < end; i++) {
		if (i->kind != INTERVAL_FIRST_RESPONSE &&
		    i->kind != INTERVAL_REPLY)
			continue;
		i->credited = true;
		tally_add(&f->responses, i->ms);
		f->skewed += i->skewed;
		if (i->kind == INTERVAL_FIRST_RESPONSE)
			f->first_response = i->ms;
	}
}

/* Sets the start of the wait at the end of the walk. */
static void
take_wait(struct chat_figures *f, const struct clocks *end)
{
	f->waiting_since = end->w;
	if (end->w != CLOCK_NONE && end->f == CLOCK_NONE)
		f->first_since = end->a;
}

struct derived_figures
derive_figures(const struct derive_setting *s, const struct chat *c)
{
	struct collector k = { .setting = s,
		.scratch = s->scratch,
		.out.figures = { .waiting_since = CLOCK_NONE,
		    .first_since = CLOCK_NONE,
		    .first_response = TALLY_NONE } };
	struct clocks_listener listener = { .ctx = &k,
		.on_interval = collect_interval,
		.on_undivided = drop_parts,
		.on_message = collect_message,
		.on_episode = collect_episode };
	struct clocks end = { .w = CLOCK_NONE, .a = CLOCK_NONE };
	struct clocks_chat timeline;

	s->scratch->intervals_n = 0;
	start_episode(&k);
	if (chat_is_open(c) || s->past_episodes) {
		timeline = derive_timeline(s, c);
		clocks_walk(s->definition, &timeline, &listener, &end);
	}
	if (end.closed)
		collect_episode(&k, end.ended_at);
	else if (!chat_is_open(c))
		start_episode(&k);
	k.out.figures.participants = s->scratch->participants.n;
	/* A chat that is not open has neither a wait nor current figures. */
	if (chat_is_open(c)) {
		take_wait(&k.out.figures, &end);
		count_responses(&k);
	}
	k.out.intervals = s->scratch->intervals;
	k.out.intervals_n = s->scratch->intervals_n;
	return k.out;
}
