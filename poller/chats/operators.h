/*
 * operators: the operators of one tenant as they were last read. The snapshot
 * lists them, questions are asked for each of them, and the profile may map
 * other identifiers to them. They are kept in the state between polls, together
 * with at most FORMER_OPERATORS who are no longer listed, so that older
 * messages keep their authors when they are read again.
 */
#ifndef POLLER_CHATS_OPERATORS_H
#define POLLER_CHATS_OPERATORS_H

#include "common/base/buf.h"
#include "poller/chats/emit.h"
#include "poller/crm/crm_session.h"
#include "poller/crm/profile.h"
#include "poller/crm/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMER_OPERATORS 10000

struct operators {
	char *const *bots; /* ids, ended by NULL, borrowed; or NULL */
	int64_t asked_ms;  /* when their last page was requested */
	json_t *bodies;    /* id -> the members of its record, as text */
	json_t *rows;      /* id -> the operator as the profile returned it */
	json_t *former;    /* the same of former operators; operators_keep()
			    * decides who is one */
};

void operators_init(struct operators *c, char *const *bots);
void operators_release(struct operators *c);

bool operators_is_bot(const struct operators *c, const char *id);

/* Adds a record that was read, unless it is not an operator's. Returns the
 * members of its record, borrowed until the next call; NULL if it was skipped.
 * A bot's record is marked as stale: its name is shown for its chats, but it
 * does not count as an operator and is assigned no chats. */
const char *operators_add(
    struct operators *c, const struct crm_record *r, int64_t asked_ms);

/* operators_load() reads them from the state if they are younger than every_ms;
 * false means that the CRM must be asked. operators_keep() stores them.
 * Operators whom operators_load() found and who are no longer listed are stored
 * as former operators. */
void operators_keep(struct operators *c, struct store *s);
bool operators_load(
    struct operators *c, struct store *s, int64_t now_ms, int64_t every_ms);

/* From the next commit on operators_load() returns false. */
void operators_invalidate(struct store *s);

/* Deletes the stored operators, because the state belongs to another profile or
 * tenant. */
void operators_forget(struct store *s);

/* Writes all operators as records of a snapshot. */
void operators_emit(const struct operators *c, struct emit *e);

/* Passes present and former operators to all later calls of the profile. */
void operators_set_in_profile(const struct operators *c, struct profile *p);

/*
 * chat_lists: requests all open chats. If the CRM's lists do not name the
 * assignee, this takes several questions: first for the unassigned chats, then
 * for the chats of each operator. In this order, a chat that is assigned
 * meanwhile is never missed, but it may appear twice.
 */

struct chat_lists {
	/* Borrowed; set them before chat_lists_ask(). */
	struct crm_session *crm;
	const struct operators *operators; /* must be complete if the CRM lists
					    * chats by operator */
	int64_t since_ms; /* only changes since then; 0: whole lists */
	/* The model for each question; set page, end, ctx and tries. */
	struct crm_question list_question;

	/* Private. */
	size_t left;
	bool ended;
};

/* Calls list_question.page for each page of each list. Calls list_question.end
 * once, when all lists are read or at the first error. */
void chat_lists_ask(struct chat_lists *l);

#endif
