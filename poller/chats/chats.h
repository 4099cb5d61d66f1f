/*
 * chats: the chats of one poll. Takes them from the pages of the list, reads
 * the messages of those that have changed, and writes each chat when it is
 * complete.
 *
 * Pointers are borrowed.
 */
#ifndef POLLER_CHATS_CHATS_H
#define POLLER_CHATS_CHATS_H

#include "common/containers/strmap.h"
#include "poller/chats/emit.h"
#include "poller/chats/history.h"
#include "poller/crm/crm_session.h"

#include <stdbool.h>
#include <stdint.h>

struct polled_chat;

struct chats {
	struct crm_session *crm;
	struct emit *emit;
	struct strmap all; /* id -> struct polled_chat, or DONE */
	bool keep_rows;    /* lists contain only changes: the state keeps each
			    * chat's record, and `closed` lists the chats that
			    * have left */
	struct strmap closed;
	size_t listed, to_read, read, failed, stale;
	size_t unnamed;      /* chats whose customer could not be read, */
	char *first_unnamed; /* and why: half a sentence; or NULL */
	bool told;      /* the snapshot has the last messages of some closed
			 * chat */
	size_t unknown; /* chats assigned to an operator who is not in our list
			 * yet */

	/* If there is a list for each operator, chats are collected and handled
	 * when all lists are read, because a chat may move from one list to
	 * another. */
	bool gather;
	struct polled_chat **gathered;
	size_t gathered_n, gathered_cap;
	char *first_failure; /* why the first chat failed, as half a sentence;
			      * or NULL */
	enum error_class first_error;
	struct strmap asked_left; /* id -> struct left_chat; for
				   * chats_leave() */
};

void chats_init(struct chats *c, struct crm_session *crm, struct emit *emit);
void chats_release(struct chats *c);

/* Adds a page of the list: chats and their messages. */
void chats_page(struct chats *c, struct profile_answer *a, int64_t asked_ms);

/* Call it when a list of changes is complete: takes the other chats from the
 * state, because they have not changed. */
void chats_carry(struct chats *c, int64_t asked_ms);

/* Call it when the list is complete: handles the collected chats. */
void chats_listed(struct chats *c);

/*
 * chats_leave: reads each chat of the state that is missing from the complete
 * list one last time. Its last messages and its closing become records of the
 * snapshot. A chat that is missing from the list because it moved from one page
 * to another is treated like a listed chat. Each poll looks up a limited number
 * of such chats; later polls look up the others, and those whose last message
 * is not shown yet. modes/status.c determines for the reaper whether a chat is
 * gone.
 *
 * A closed chat is complete when its snapshot is confirmed; otherwise the next
 * poll reads it again. The CRM's answer about the status of a chat is not
 * stored, because the chat may be reopened. Chats are deleted from the state a
 * week after they left the list.
 */

/* Needs cs->store. all: looks up all chats now, because the list is known to
 * lack some that are open, and the snapshot would lack them, too. Ages are
 * measured against the CRM's clock: the time of a snapshot does not advance
 * while that clock is behind the last snapshot. */
void chats_leave(struct chats *cs, bool all);

/* True if the chat has left the list and a confirmed snapshot has its last
 * messages. */
bool chat_is_over(const struct chat_state *c, struct store *s);

/* Name of a number in the store: the time of the last confirmed snapshot with
 * last messages. */
#define CHATS_CONFIRMED "confirmed"

#endif
