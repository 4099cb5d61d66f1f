/*
 * model_recompute: updates the data that the metrics read: derives each changed
 * chat, credits it, reports its intervals, and drops messages that are no
 * longer needed.
 */
#include "aggregator/model/model_impl.h"

#include "common/base/prog.h"
#include "common/base/xalloc.h"

/* The status and assignee of past episodes are kept. */
static void
drop_episodes(struct model *m, struct chat *c, const struct droppable *old)
{
	struct dropped_history *f = &c->dropped;

	/* The messages may have the only references to the name. */
	interner_hold(&m->lexicon.names, old->assignee);
	derive_drop_messages(m, c, old->messages);
	interner_drop(&m->lexicon.names, f->assignee);
	f->assignee = old->assignee;
	f->assignee_at = old->assignee_until;
	f->episode = (uint8_t)old->episode;
}

/* Drops data that are older than the window and have been reported. */
static void
trim_chat(struct model *m, struct chat *c, const struct droppable *old)
{
	if (old->messages == 0)
		return;
	if (m->follower.ops != NULL)
		m->follower.ops->drop(m->follower.ctx, m, c, old->messages);
	drop_episodes(m, c, old);
	chat_intervals_drop(m, c, old->intervals);
	c->sorted = c->n;
	c->clean = 0;
}

static void
recompute_chat(struct model *m, struct chat *c)
{
	struct derivation *w = &m->private->derivation;
	struct droppable old;

	derive_state(m, c);
	timeline_drop(&m->lexicon, &w->timeline.dropped);
	if (m->no_figures)
		return;
	old = derive_walk(m, c);
	if (m->follower.ops != NULL)
		m->follower.ops->derived(m->follower.ctx, m, c);
	c->left |= c->shown && !chat_is_open(c);
	c->shown = chat_is_open(c);
	chat_intervals_update(m, c, w->intervals, w->intervals_n);
	credit_open(m, c);
	trim_chat(m, c, &old);
	chats_queue_expiry(m, c);
}

/* True if it reports an opening or closing before the window, or has no time
 * and may therefore name the assignee of that time. */
static bool
reaches_back(
    const struct model *m, const struct chat *c, const struct description *d)
{
	int64_t limit = m->as_of - m->window;
	const struct description *old;
	bool opens = d->opened_at != CLOCK_NONE && d->opened_at < limit;
	bool closes = d->closed_at != CLOCK_NONE && d->closed_at < limit;

	if (d->at == CLOCK_NONE)
		return true;
	for (old = c->descriptions; old != NULL && (opens || closes);
	     old = old->next) {
		opens = opens && old->opened_at != d->opened_at;
		closes = closes && old->closed_at != d->closed_at;
	}
	return opens || closes;
}

/* True if it may have data that are old enough to be forgotten. */
static bool
may_forget(const struct model *m, const struct chat *c)
{
	return m->incremental && m->window > 0 && m->as_of != CLOCK_NONE &&
	       c->n > 0;
}

void
chats_recompute_before(
    struct model *m, struct chat *c, const struct description *d)
{
	if (may_forget(m, c) && reaches_back(m, c, d))
		recompute_chat(m, c);
}

void
chats_recompute_before_late(struct model *m, struct chat *c)
{
	if (may_forget(m, c))
		recompute_chat(m, c);
}

void
chats_load(struct model *m, struct chat *c)
{
	struct derivation *w = &m->private->derivation;

	if (c->loaded)
		return;
	if (m->fetch == NULL || m->definition == NULL)
		prog_die(PROG_SOFTWARE, "there is no function to fetch a "
					"chat's messages");
	c->loaded = true;
	m->fetch(m->ctx, m, c);
	c->sorted = c->n;
	c->clean = c->n;
	/* Of a packed chat, only the credited intervals are known. */
	(void)derive_walk(m, c);
	chat_intervals_save(m, c, w->intervals, w->intervals_n);
}

/* Its messages are dropped with it. */
static void
tell_gone(struct model *m, struct chat *c)
{
	if (m->follower.ops == NULL)
		return;
	if (!c->loaded && c->stored > 0 && m->fetch != NULL) {
		c->loaded = true;
		m->fetch(m->ctx, m, c);
	}
	if (c->n > 0)
		m->follower.ops->drop(m->follower.ctx, m, c, c->n);
}

void
recompute_gone(struct model *m, struct chat *c)
{
	tell_gone(m, c);
	chats_touch(m, c, false);
	c->gone = true;
	c->dirty = false;
	c->left |= c->shown;
	c->shown = false;
	c->waiting_since = CLOCK_NONE;
	chat_intervals_uncredit(m, c);
	credit_open(m, c);
}

/* A closed chat's messages are dropped when it has had no record for a window,
 * and it is freed another window later, or a window after it left. Later
 * records start a new chat. */
static void
expire_chats(struct model *m)
{
	int64_t limit = m->as_of - m->window;
	struct chat *c;

	while ((c = chats_next_expired(m, limit)) != NULL) {
		if (c->trimmed) {
			recompute_gone(m, c);
			continue;
		}
		c->trimmed = true;
		if (c->loaded && c->n > 0) {
			chats_touch(m, c, false);
			recompute_chat(m, c);
		} else {
			chats_queue_expiry(m, c);
		}
	}
}

static void
recompute_changed(struct model *m)
{
	struct model_changes *x = &m->changes;
	struct chat *c;
	size_t i;

	for (i = 0; i < x->chats_n; i++) {
		derive_prefetch(x->chats, x->chats_n, i);
		c = x->chats[i];
		if (c->dirty && !c->gone)
			recompute_chat(m, c);
	}
	if (m->window > 0 && m->as_of != CLOCK_NONE) {
		expire_chats(m);
		identities_expire(m);
	}
	chats_sort(x->chats, x->chats_n);
	model_operators_sort(m, x->operators, x->operators_n);
}

static void
recompute_all_chats(struct model *m)
{
	size_t i;

	for (i = 0; i < m->chats_n; i++) {
		derive_prefetch(m->chats, m->chats_n, i);
		recompute_chat(m, m->chats[i]);
	}
}

void
model_recompute(struct model *m, const struct definition *definition)
{
	m->definition = definition;
	if (m->incremental) {
		recompute_changed(m);
	} else {
		chats_sort(m->chats, m->chats_n);
		recompute_all_chats(m);
		model_operators_sort(m, m->operators, m->operators_n);
	}
	m->now = model_by_clock(m, m->as_of);
	if (m->now < m->since) /* the clock was set back */
		m->now = m->since;
	credit_waits(m);
}
