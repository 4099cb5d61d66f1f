/*
 * drop_chats: see drop_chats.h.
 */
#include "aggregator/model/drop_chats.h"

#include "aggregator/model/chat_change.h"
#include "aggregator/model/chat_credits.h"
#include "aggregator/model/chat_descriptions.h"
#include "aggregator/model/chat_table.h"
#include "aggregator/model/model_private.h"

/* Tells the follower that the messages of a chat that is freed are dropped. */
static void
report_gone(struct model *m, struct chat *c)
{
	if (m->follower == NULL)
		return;
	if (!c->loaded && c->stored > 0 && m->fetch != NULL)
		chat_fetch(m, c);
	if (c->n > 0)
		m->follower->drop(m->follower_ctx, m, c, c->n);
}

/* Marks the chat as gone, and takes back its credits. */
static void
set_gone(struct model *m, struct chat *c)
{
	report_gone(m, c);
	touch_chat(m, c, false);
	c->gone = true;
	c->dirty = false;
	c->left |= c->shown;
	c->shown = false;
	c->figures.waiting_since = CLOCK_NONE;
	c->figures.first_since = CLOCK_NONE;
	credits_withdraw(m, c);
}

/* Returns the time before which the window must begin, so that the chat can be
 * freed: when no further record can be as old as its last message, or as the
 * last snapshot that has it, for a whole window. Until then, a record that
 * reopens it finds its customer and channel. The time of the newest snapshot,
 * which lacks it, does not matter: there is one each minute. */
static int64_t
free_due(const struct model *m, const struct chat *c)
{
	int64_t last = c->newest > c->listed_at ? c->newest : c->listed_at;

	return last + m->window;
}

/* The messages of a closed chat are dropped when no further record can be as
 * old as the last one; those that are not in memory leave the state with the
 * chat. Later records start a new chat. limit: the window's begin. */
static void
expire_chat(struct model *m, struct chat *c, int64_t limit)
{
	if (free_due(m, c) < limit) {
		set_gone(m, c);
	} else if (c->newest < limit && !c->trimmed) {
		c->trimmed = true;
		if (c->loaded && c->n > 0) {
			touch_chat(m, c, false);
			chat_recompute(m, c);
		}
	}
}

/* Returns the newest time at which chats expire, whenever the tenant is
 * recomputed and wherever the process was restarted. */
static int64_t
expiry_time(const struct model *m)
{
	int64_t step = m->window / 24 + 1, rest = m->as_of % step;

	return m->as_of - (rest < 0 ? rest + step : rest);
}

/* A chat without any time never counts as old. */
void
chats_expire(struct model *m)
{
	int64_t now = expiry_time(m), limit = now - m->window;
	struct chat *c;
	size_t i;

	if (now == m->private->expired_at)
		return;
	m->private->expired_at = now;
	for (i = 0; i < m->chats_n; i++) {
		c = m->chats[i];
		if (!c->gone && status_is_over(c->now.status) &&
		    c->newest != CLOCK_NONE)
			expire_chat(m, c, limit);
	}
}

void
chats_note_expired(struct model *m)
{
	if (m->as_of != CLOCK_NONE)
		m->private->expired_at = expiry_time(m);
}

void
chats_free(struct model *m, struct chat *c)
{
	messages_drop(m, c, c->n);
	intervals_drop(m, c, c->intervals_n);
	descriptions_free(m, c);
	interner_drop(&m->lexicon.names, c->dropped.assignee);
	chats_remove(m, c);
}
