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
	/* What each question is made from; set page, end, ctx and tries. */
	struct crm_question list_question;

	/* Private. */
	size_t left;
	bool ended;
};

/* Calls list_question.page for each page of each list, and list_question.end
 * once: when all lists are read, or at the first error. */
void chat_lists_ask(struct chat_lists *l);

#endif
