/*
 * chat_lists: asks for all open chats. Where the CRM's lists do not name the
 * assignee, this takes several questions: the unassigned chats first, and after
 * them the chats of each operator. In this order a chat that is assigned
 * meanwhile is never missed, but may come twice.
 */
#ifndef POLLER_POLL_CHAT_LISTS_H
#define POLLER_POLL_CHAT_LISTS_H

#include "poller/client/fetch.h"
#include "poller/poll/operators.h"

#include <stdbool.h>
#include <stddef.h>

struct chat_lists {
	/* Borrowed; set before chat_lists_ask(). */
	struct fetch *fetch;
	struct profile *profile;
	const struct operators *operators; /* complete, if by_operator */
	bool by_operator;
	struct question like; /* page, end, ctx and tries of each question */

	/* Private. */
	size_t left;
	bool ended;
};

/* Calls like.page for each page of each list, and like.end once: when all lists
 * are read, or at the first error. */
void chat_lists_ask(struct chat_lists *l);

#endif
