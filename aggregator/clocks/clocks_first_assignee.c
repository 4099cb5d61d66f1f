/*
 * clocks_first_assignee: who has a chat before anything reports it: the one of
 * the first chat record, unless a transfer had assigned the chat to them
 * before. In a stream this reaches back guess_limit_ms at most, so that it does
 * not depend on when messages are dropped.
 */
#include "aggregator/clocks/clocks.h"

void
clocks_find_first_assignee(struct clocks *c)
{
	const struct clocks_chat *chat = c->chat;
	const struct message *m, *end = chat->messages + chat->n;
	const struct mark *x, *first = NULL;

	c->assignee = chat->first_assignee;
	c->assignee_known = c->assignee_recorded = chat->first_assignee_known;
	for (x = chat->marks; x < chat->marks + chat->marks_n; x++)
		if (x->kind == MARK_ASSIGNEE &&
		    (first == NULL || x->at == first->at))
			first = x;
	if (first != NULL && !chat->first_assignee_known) {
		c->assignee_guessed = true;
		c->guess = first->assignee;
		c->guess_from =
		    chat->guess_limit_ms > 0 &&
			    first->at >= INT64_MIN + chat->guess_limit_ms
			? first->at - chat->guess_limit_ms
			: INT64_MIN;
	}
	for (m = chat->messages; m < end; m++) {
		if (clocks_classify(m) != EVENT_TRANSFER)
			continue;
		c->ever_assigned = true;
		if (first != NULL && !chat->first_assignee_known &&
		    m->at < first->at && m->operator_id == first->assignee)
			c->guess = 0;
	}
}

void
clocks_guess_assignee(struct clocks *c, int64_t at)
{
	if (!c->assignee_guessed)
		return;
	c->assignee_known = at >= c->guess_from;
	c->assignee = c->assignee_known ? c->guess : 0;
}
