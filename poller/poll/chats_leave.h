/*
 * chats_leave: marks chats of the state that are not in the complete list as
 * left, and deletes them a week later. A chat may move from one page to another
 * and be missed: where that is possible it is asked about singly. Whether one
 * is gone, for the reaper: asked_chats.c.
 */
#ifndef POLLER_POLL_CHATS_LEAVE_H
#define POLLER_POLL_CHATS_LEAVE_H

#include "poller/poll/chats.h"

/* Needs cs->store. ask: the list may have missed some. Ages go by the CRM's
 * clock as it is now: the time of a snapshot stands still while that clock is
 * behind the last one.
 */
void chats_leave(struct chats *cs, bool ask);

#endif
