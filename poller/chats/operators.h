/*
 * operators: the operators of one tenant as they were last read: for the
 * snapshot, for questions about each of them, and for the profile, which may
 * map other identifiers to them. Kept in the state between polls; there also
 * those that were listed before and are no more, FORMER_OPERATORS at most, so
 * that what they wrote stays theirs when it is read again.
 */
#ifndef POLLER_CHATS_OPERATORS_H
#define POLLER_CHATS_OPERATORS_H

#include "common/base/buf.h"
#include "poller/chats/emit.h"
#include "poller/crm/fetch.h"
#include "poller/crm/profile.h"
#include "poller/crm/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMER_OPERATORS 10000

struct operators {
	char *const *bots; /* ids, NULL-ended, borrowed; NULL: none */
	size_t n;
	int64_t asked_ms; /* of their last page */

	/* Private: texts one after the other, each ending with NUL. */
	struct buf bodies; /* of each its record */
	struct buf rows;   /* of each its id and its JSON */
	struct buf former; /* as rows; operators_keep() decides who is one */
};

void operators_release(struct operators *c);

bool operators_is_bot(const struct operators *c, const char *id);

/* Adds a record that was read; skips it if it is not an operator. Returns the
 * members of its record, borrowed until the next one is added; NULL: skipped.
 * A bot's record is marked as stale: the chats it holds have its name, but it
 * is not counted as an operator, and is given no chats. */
const char *operators_add(
    struct operators *c, const struct crm_record *r, int64_t asked_ms);

/* operators_load() reads them from the state if they are younger than every_ms;
 * false: they have to be asked for. operators_keep() puts them into it, and as
 * former ones those whom operators_load() found and who are listed no more. */
void operators_keep(struct operators *c, struct store *s);
bool operators_load(
    struct operators *c, struct store *s, int64_t now_ms, int64_t every_ms);

/* From the next commit on operators_load() returns false. They stay for
 * listeners, who have no others until a poll has read them again. */
void operators_invalidate(struct store *s);

/* The state is of another profile or tenant: it has no operators of ours. Then
 * operators_load() is not to be called before a commit. */
void operators_forget(struct store *s);

/* Writes all of them as records of a snapshot. */
void operators_emit(const struct operators *c, struct emit *e);

/* Passes them, and the former ones, to all later calls of the profile. */
void operators_set_in_profile(const struct operators *c, struct profile *p);

/*
 * chat_lists: asks for all open chats. Where the CRM's lists do not name the
 * assignee, this takes several questions: the unassigned chats first, and after
 * them the chats of each operator. In this order a chat that is assigned
 * meanwhile is never missed, but may come twice.
 */

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
