/*
 * chat_lists: the question for all open chats, which is several questions
 * where the CRM does not say in a list who holds a chat: then those that
 * nobody holds are asked for first, and when they are known those of each
 * operator. In this order none slips through that is given to somebody
 * meanwhile; it may be seen twice.
 */
#ifndef POLLER_POLL_CHAT_LISTS_H
#define POLLER_POLL_CHAT_LISTS_H

#include "poller/client/fetch.h"
#include "poller/poll/operators.h"

#include <stdbool.h>
#include <stddef.h>

struct chat_lists {
	/* Borrowed; set before asking. */
	struct fetch *fetch;
	struct profile *profile;
	const struct operators *operators; /* known by then, if by_operator */
	bool by_operator;
	struct question like; /* tries and the like; page, end and ctx */

	/* Private. */
	size_t left;
	bool ended;
};

/* like.page is called for each page of each list, like.end once: when all are
 * read, or one cannot be. */
void chat_lists_ask(struct chat_lists *l);

#endif
