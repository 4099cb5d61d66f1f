/*
 * drop_episodes: see drop_records.h.
 */
#include "aggregator/model/drop_records.h"

#include "aggregator/model/chat_credits.h"
#include "aggregator/model/chat_table.h"

/* Removes the first messages, but keeps the last status that they report. */
static void
drop_messages(struct model *m, struct chat *c, size_t messages)
{
	struct dropped_history *f = &c->dropped;
	enum chat_status status;
	size_t i;

	for (i = 0; i < messages; i++) {
		status = derive_status_of(&c->messages[i]);
		if (status != CHAT_NONE) {
			f->status = (uint8_t)status;
			f->status_at = c->messages[i].at;
		}
	}
	if (messages > 0 && c->messages[messages - 1].at > f->at)
		f->at = c->messages[messages - 1].at;
	messages_drop(m, c, messages);
}

/* The status and assignee of past episodes are kept. */
static void
keep_history(struct model *m, struct chat *c, const struct droppable *old)
{
	struct dropped_history *f = &c->dropped;

	/* The messages may have the only references to the name. */
	interner_hold(&m->lexicon.names, old->assignee);
	drop_messages(m, c, old->messages);
	interner_drop(&m->lexicon.names, f->assignee);
	f->assignee = old->assignee;
	f->assignee_at = old->assignee_until;
}

void
episodes_drop(struct model *m, struct chat *c, const struct droppable *old)
{
	if (old->messages == 0)
		return;
	if (m->follower != NULL)
		m->follower->drop(m->follower_ctx, m, c, old->messages);
	keep_history(m, c, old);
	intervals_drop(m, c, old->intervals);
	c->sorted = c->n;
	c->clean = 0;
}

static bool
is_before_window(const struct model *m, int64_t at)
{
	return at != CLOCK_NONE && at < m->as_of - m->window;
}

/* True if some messages may be old enough to be dropped. Messages that are not
 * sorted yet may be of any time. */
static bool
has_old_messages(const struct model *m, const struct chat *c)
{
	return c->sorted < c->n ||
	       (c->n > 0 && is_before_window(m, c->messages[0].at));
}

/* True if it reports an opening or closing before the window that the newest
 * description does not repeat, or has no time and may therefore name the
 * assignee of that time. */
static bool
reaches_back(
    const struct model *m, const struct chat *c, const struct description *d)
{
	const struct description *last = c->descriptions;

	return d->at == CLOCK_NONE ||
	       (is_before_window(m, d->opened_at) &&
		   (last == NULL || last->opened_at != d->opened_at)) ||
	       (is_before_window(m, d->closed_at) &&
		   (last == NULL || last->closed_at != d->closed_at));
}

bool
episodes_must_be_dropped(
    const struct model *m, const struct chat *c, const struct description *d)
{
	return m->incremental && m->window > 0 && m->as_of != CLOCK_NONE &&
	       has_old_messages(m, c) && (d == NULL || reaches_back(m, c, d));
}
