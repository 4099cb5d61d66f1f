/*
 * read_chat: see read_chat.h.
 */
#include "poller/chats/read_chat.h"

#include <string.h>

#include "common/base/clock.h"
#include "poller/chats/read_customer.h"
#include "poller/chats/read_messages.h"

/* True if the state has everything that the CRM would show. */
static bool
is_unchanged(struct polled_chat *c)
{
	struct chat_state *s = &c->state;

	if (polled_chat_is_closed(c)) {
		history_sort(&s->history);
		return (c->list.last != NULL ||
			   c->list.last_at != CLOCK_NONE) &&
		       polled_chat_has_last(c);
	}
	return s->complete && s->failures == 0 && s->told == 0 &&
	       c->list.mark != NULL && strcmp(s->mark, c->list.mark) == 0;
}

/* Reads the chat's state from the store; false if it has none. */
static bool
load_state(struct polled_chat *c)
{
	struct chat_state stored;

	if (!chat_state_load(&stored, c->chats->crm->store, c->list.id))
		return false;
	/* The messages of the list are newer, so they come last. */
	history_move(&stored.history, &c->state.history);
	chat_state_release(&c->state);
	c->state = stored;
	return true;
}

void
read_chat(struct polled_chat *c)
{
	c->known = load_state(c);
	c->waiting = 1; /* This count stands for the questions that are yet to
			 * be queued. */
	read_customer(c);
	c->unchanged = c->known && is_unchanged(c);
	if (!c->unchanged)
		read_messages(c);
	polled_chat_answered(c);
}
