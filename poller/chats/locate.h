/*
 * locate: where one chat is: shown by the CRM, open or closed, or gone. Polls
 * ask that of chats which left the list, --status of those that the reaper
 * names, assignments before they give a chat.
 *
 * A single "not found" may be an error, and a wrong address must not look like
 * a CRM from which everything was deleted. So a chat is gone only if it is not
 * found, and no list has it that would have it if it were open. Where chats are
 * listed by operator, and only some of those lists are read, it is also asked
 * for twice. A list that has the chat counts more than that it is not found.
 *
 * Where the CRM does not say who has a chat that is taken, the lists of the
 * operators who may have it do.
 */
#ifndef POLLER_CHATS_LOCATE_H
#define POLLER_CHATS_LOCATE_H

#include "poller/crm/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCATE_OPERATORS 2

enum where {
	WHERE_SHOWN,   /* in a page that was handed on */
	WHERE_GONE,    /* it is neither found nor listed */
	WHERE_MISSING, /* it is not found; no list was read */
	WHERE_UNASKED, /* the profile has no request for it */
	WHERE_OTHER,   /* the answer has another chat, or none */
	WHERE_FAILED,  /* nothing is known */
};

/* Belongs to the caller, and must outlive the questions. */
struct locate {
	/* Set by the caller; borrowed. */
	struct fetch *fetch;
	const char *chat;
	bool urgent, at_once;
	unsigned tries;
	bool unlisted; /* every list that would have it lacks it */
	bool search;   /* read lists, if it is not found or taken */
	const char *operators[LOCATE_OPERATORS]; /* whose; NULL: nobody's */
	void *ctx;
	/* A page with the chat, and perhaps others; as in crm_question. */
	void (*page)(void *ctx, struct profile_answer *a, int64_t asked_ms);
	/* e: how the last question ended. The same chat may be located again
	 * from here. */
	void (*end)(void *ctx, enum where where, const struct ending *e);

	/* The operator in whose list it was found, or NULL. */
	const char *assignee;

	/* private */
	bool shown, taken, found, again;
	size_t list; /* the list that is read: 0 of the unassigned, else of
			operators[list - 1] */
};

void locate_chat(struct locate *l);

#endif
