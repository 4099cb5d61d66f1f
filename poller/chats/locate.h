/*
 * locate: determines the state of one chat: shown by the CRM as open or closed,
 * or gone. Polls look up chats that have left the list, --status looks up those
 * that the reaper names, and an assignment looks up its chat first.
 *
 * A single "not found" may be an error, and a wrong address must not look like
 * a CRM without chats. Therefore a chat is gone only if it is not found and is
 * also missing from every list that would have it if it were open. If chats are
 * listed by operator and only some of those lists are read, the chat is queried
 * twice. If a list contains the chat, this overrides a "not found".
 *
 * If the CRM does not name the assignee of a chat, the lists of the possible
 * operators are read.
 */
#ifndef POLLER_CHATS_LOCATE_H
#define POLLER_CHATS_LOCATE_H

#include "poller/crm/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCATE_OPERATORS 2

enum where {
	WHERE_SHOWN,   /* it was in a page that was passed to page() */
	WHERE_GONE,    /* it is neither found nor listed */
	WHERE_MISSING, /* it is not found, and no list was read */
	WHERE_UNASKED, /* the profile has no request for it */
	WHERE_OTHER,   /* the answer was about another chat, or empty */
	WHERE_FAILED,  /* the question failed, so nothing is known */
};

/* Belongs to the caller, and must outlive the questions. */
struct locate {
	/* Set by the caller; borrowed. */
	struct fetch *fetch;
	const char *chat;
	bool urgent, at_once;
	unsigned tries;
	bool unlisted; /* the chat is missing from every list that would have
			* it */
	bool search;   /* read lists if the chat is not found, or assigned */
	/* The operators whose lists are read; NULL: the list of unassigned
	 * chats. */
	const char *operators[LOCATE_OPERATORS];
	void *ctx;
	/* Receives a page with the chat, and perhaps others; as in
	 * crm_question. */
	void (*page)(void *ctx, struct profile_answer *a, int64_t asked_ms);
	/* e: the outcome of the last question. The function may locate the same
	 * chat again. */
	void (*end)(void *ctx, enum where where, const struct ending *e);

	/* The operator in whose list the chat was found, or NULL. */
	const char *assignee;

	/* private */
	bool shown, taken, found, again;
	size_t list; /* the list being read: 0: unassigned chats; otherwise
		      * those of operators[list - 1] */
};

void locate_chat(struct locate *l);

#endif
