/*
 * asked_chats: the chats that the reaper asks about: which of them are open,
 * closed or gone, found out with as few calls as possible.
 *
 * One call of the list of open chats covers 200 of them. A chat that is not in
 * the list is asked about singly, and so is every chat where the CRM lists
 * chats by operator. `gone` is written only when the list was read in the same
 * run and lacks the chat: a token without rights must not look like a CRM from
 * which everything was deleted. Where the list has unassigned chats only, the
 * chat is asked about once more instead. And it is written last, when all the
 * questions have ended, as the reaper judges by the number of them: a run that
 * gave up or was stopped says of none that it is gone.
 *
 * A chat that was answered and closed since the last poll has messages that no
 * poll will read. They are read here once, where the state shows that the
 * closed chat's last one is missing, and are written before the closing.
 */
#ifndef POLLER_POLL_ASKED_CHATS_H
#define POLLER_POLL_ASKED_CHATS_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"
#include "common/records/record.h"
#include "poller/poll/odd_records.h"
#include "poller/quota/crm_session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Those of one tenant. */
struct asked_chats {
	/* Set by the caller; borrowed. */
	struct endpoint *to; /* the answers: chat and message records */
	bool cut;            /* not all chats to ask about could be read */

	struct crm_session crm; /* open until asked_chats_end() */

	/* Private. */
	struct strmap chats; /* id -> struct asked */
	size_t live;         /* chats that the input says are open */
	bool by_operator;    /* the list has unassigned chats only */
	bool list_first, listing, listed;
	bool stopped;  /* not all questions were put */
	int64_t floor; /* as_of of the last snapshot: answers are later */
	enum exit_code unclear; /* of chats without an answer */
	size_t unasked; /* chats about which the profile has nothing to ask */
	size_t singly;  /* chats that are asked about by themselves */
	struct odd_records odd;
	struct buf line;
};

/* Adds the chat of a chat record, once. */
void asked_chats_add(struct asked_chats *q, const struct record *r);

/* Puts the questions; then the caller turns q->crm.fetch until nothing is left.
 * state: the folder of what polls kept, NULL: none. */
void asked_chats_begin(struct asked_chats *q, struct http *http,
    const struct tenant *t, const char *state);

/* Writes which chats are gone, counts the calls in the state, sets the code,
 * and releases the rest. */
void asked_chats_end(struct asked_chats *q);

#endif
