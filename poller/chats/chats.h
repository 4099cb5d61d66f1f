/*
 * chats: the chats of one poll. Takes them from the pages of the list, reads
 * the messages of those that changed, and writes each chat when it is complete.
 *
 * Pointers are borrowed.
 */
#ifndef POLLER_CHATS_CHATS_H
#define POLLER_CHATS_CHATS_H

#include "common/containers/strmap.h"
#include "poller/chats/customers.h"
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
	bool keep_rows;    /* lists are of changes: the state keeps each chat's
			      record, and `closed` who left */
	struct strmap closed;
	struct customers customers;
	size_t listed, to_read, read, failed, stale;
	bool told;      /* some chat's last word is in the snapshot */
	size_t unknown; /* assigned to an operator we do not have yet */

	/* With a list for each operator, chats are gathered and handled when
	 * all lists are read, because a chat may move between them. */
	bool gather;
	struct polled_chat **gathered;
	size_t gathered_n, gathered_cap;
	char *first_failure; /* of a chat, half a sentence, or NULL */
	enum error_class first_error;
	struct strmap asked_left; /* id -> struct left_chat, of chats_leave() */
};

void chats_init(struct chats *c, struct crm_session *crm, struct emit *emit);
void chats_release(struct chats *c);

/* Takes a page of the list: chats, and the messages that come with them. */
void chats_page(struct chats *c, struct profile_answer *a, int64_t asked_ms);

/* Call it when a list of changes is complete: takes the chats of the state that
 * are not in it, which are as they were. */
void chats_carry(struct chats *c, int64_t asked_ms);

/* Call it when the list is complete: handles the chats that were gathered. */
void chats_listed(struct chats *c);

/*
 * chats_leave: reads each chat of the state that is not in the complete list
 * one last time: its last messages and its closing become records of the
 * snapshot. A chat that the list missed, because it moved from one page to
 * another, is added as one of the list. So many are asked about in each poll;
 * the others, and those whose last message is not shown yet, in the next ones.
 * Whether a chat is gone, for the reaper: modes/status.c.
 *
 * The last word counts once its snapshot is confirmed; else the next poll reads
 * it again. What the CRM said of where a chat is, is not kept: it may be open
 * again. Chats that left are deleted from the state a week later.
 */

/* Needs cs->store. Ages go by the CRM's clock as it is now: the time of a
 * snapshot stands still while that clock is behind the last one. */
void chats_leave(struct chats *cs);

/* Whether the chat left, and a confirmed snapshot has its last word. */
bool chat_is_over(const struct chat_state *c, struct store *s);

/* The number in the store: time of the last confirmed snapshot with such. */
#define CHATS_CONFIRMED "confirmed"

#endif
