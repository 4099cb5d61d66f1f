/*
 * model_standing: the state of a chat from the point of view of allocation: see
 * struct chat_standing. Iterates once over its chat records and messages in
 * order of time; messages come first if times are equal.
 */
#include "aggregator/model/chat_change.h"
#include "aggregator/model/model.h"
#include "aggregator/model/model_private.h"

struct standing_walk {
	struct chat_standing now;
	int64_t closed_at; /* CLOCK_NONE: never */
	bool arrived;      /* in the current episode */
	bool opening_told; /* a chat record has named its opened_at */
	unsigned channel;  /* channel of the newest message; 0: none */
};

static void
take_status(struct standing_walk *w, enum chat_status status, int64_t at)
{
	w->now.status = status;
	if (status_is_over(status)) {
		w->closed_at = at > w->closed_at ? at : w->closed_at;
		w->arrived = w->opening_told = false;
	} else if (status == CHAT_OPEN && !w->arrived) {
		w->now.arrival = at;
		w->arrived = at != CLOCK_NONE;
	}
}

/* A pending chat belongs to a bot until it is handed over: the customer writes
 * to the bot. */
static void
take_message(struct standing_walk *w, const struct message *x)
{
	if (x->channel != 0)
		w->channel = x->channel;
	switch (clocks_classify(x)) {
	case EVENT_CUSTOMER_WRITES:
		if (w->now.status != CHAT_PENDING)
			take_status(w, CHAT_OPEN, x->at);
		break;
	case EVENT_HANDOFF:
		if (!status_is_over(w->now.status))
			take_status(w, CHAT_OPEN, x->at);
		break;
	case EVENT_REOPENED:
		take_status(w, CHAT_OPEN, x->at);
		break;
	case EVENT_CLOSED:
		take_status(w, CHAT_CLOSED, x->at);
		break;
	case EVENT_TRANSFER:
		if (w->now.status == CHAT_NONE)
			take_status(w, CHAT_OPEN, x->at);
		break;
	case EVENT_HUMAN_ANSWERS:
		w->now.answered_at = x->at;
		break;
	case EVENT_BOT_ANSWERS:
	case EVENT_NOTHING:
	case EVENT_KINDS:
		break;
	}
}

/* If an episode has several openings, the latest is the arrival. A CRM that
 * reopens a chat may keep reporting its first opening. */
static void
take_opening(struct standing_walk *w, int64_t at)
{
	if (at == CLOCK_NONE || at <= w->closed_at ||
	    (w->opening_told && at <= w->now.arrival))
		return;
	w->now.arrival = at;
	w->arrived = w->opening_told = true;
}

static void
take_description(struct standing_walk *w, const struct description *d)
{
	enum chat_status status = status_or_open(d);

	if (status == CHAT_OPEN || status_is_over(status))
		take_opening(w, d->opened_at);
	take_status(
	    w, status, d->closed_at != CLOCK_NONE ? d->closed_at : d->at);
}

static void
walk_standing(struct standing_walk *w, struct derive_scratch *r, struct chat *c)
{
	const struct dropped_history *f = &c->dropped;
	const struct description *const *d;
	size_t i = 0, j = 0;

	derive_list_descriptions(r, c);
	d = r->descriptions;
	for (; j < r->descriptions_n && d[j]->at < f->status_at; j++)
		take_description(w, d[j]);
	if (f->status_at != CLOCK_NONE)
		take_status(w, f->status, f->status_at);
	while (i < c->n || j < r->descriptions_n) {
		if (j == r->descriptions_n ||
		    (i < c->n && c->messages[i].at <= d[j]->at))
			take_message(w, &c->messages[i++]);
		else
			take_description(w, d[j++]);
	}
}

struct chat_standing
model_standing(struct model *m, struct chat *c)
{
	struct standing_walk w = { .now = { .status = CHAT_NONE,
				       .arrival = CLOCK_NONE,
				       .answered_at = CLOCK_NONE },
		.closed_at = CLOCK_NONE };

	/* A closed chat is seldom checked. */
	if (!c->gone && (c->loaded || !status_is_over(c->now.status))) {
		chat_load(m, c);
		walk_standing(&w, &m->private->scratch, c);
	}
	if (c->gone || status_is_over(c->now.status))
		w.now.status = c->gone ? CHAT_GONE : c->now.status;
	w.now.channel = c->now.channel != 0
			    ? model_name(m, c->now.channel)
			    : lexicon_channel_text(&m->lexicon, w.channel);
	return w.now;
}
