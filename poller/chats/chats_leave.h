/*
 * chats_leave: reads each chat of the state that is missing from the complete
 * list one last time. Its last messages and its closing become records of the
 * snapshot. A chat that is missing from the list because it moved from one page
 * to another is treated like a listed chat. Each poll looks up a limited number
 * of such chats; later polls look up the others, and those whose last message
 * is not shown yet. modes/status.c determines for the reaper whether a chat is
 * gone.
 *
 * A closed chat is complete when its snapshot is confirmed (left_state.h);
 * otherwise the next poll reads it again. Chats are deleted from the state a
 * week after they left the list.
 */
#ifndef POLLER_CHATS_CHATS_LEAVE_H
#define POLLER_CHATS_CHATS_LEAVE_H

#include "poller/chats/chats.h"

/* Maximum number of chats that one poll looks up, unless it must. */
#define CHATS_LEAVE_MOST 50

/* Needs cs->store. all: looks up all chats now, because the list is known to
 * lack some that are open, and the snapshot would lack them, too. Ages are
 * measured against the CRM's clock: the time of a snapshot does not advance
 * while that clock is behind the last snapshot. */
void chats_leave(struct chats *cs, bool all);

#endif
