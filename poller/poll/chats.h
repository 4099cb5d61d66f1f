/*
 * chats: the chats of one poll. Takes them from the pages of the list, reads
 * the messages of those that changed, and writes each chat when it is complete.
 *
 * Pointers are borrowed.
 */
#ifndef POLLER_POLL_CHATS_H
#define POLLER_POLL_CHATS_H

#include "common/containers/strmap.h"
#include "poller/poll/customers.h"
#include "poller/poll/emit.h"
#include "poller/poll/odd_records.h"
#include "poller/quota/crm_session.h"

#include <stdbool.h>
#include <stdint.h>

struct polled_chat;

struct left_chat;

struct chats {
	struct crm_session *crm;
	struct emit *emit;
	struct strmap all; /* id -> struct polled_chat, or DONE */
	bool keep_rows;    /* lists are of changes: the state keeps each chat's
			      record, and `closed` who left */
	struct strmap closed;
	struct customers customers;
	size_t listed, to_read, read, failed, stale, left;
	size_t unknown; /* assigned to an operator we do not have yet */

	/* With a list for each operator, chats are gathered and handled when
	 * all lists are read, because a chat may move between them. */
	bool gather;
	struct polled_chat **gathered;
	size_t gathered_n, gathered_cap;
	char *first_failure; /* of a chat, half a sentence, or NULL */
	enum error_class first_error;
	struct odd_records odd;
	struct left_chat *asked_left; /* chats_leave.h's */
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

#endif
