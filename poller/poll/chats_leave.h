/*
 * chats_leave: marks chats of the state that are not in the complete list as
 * left, and deletes them a week later. A chat may move from one page to another
 * and be missed: where that is possible it is asked about singly. Whether one
 * is gone, for the reaper: asked_chats.c.
 */
#ifndef POLLER_POLL_CHATS_LEAVE_H
#define POLLER_POLL_CHATS_LEAVE_H

#include "poller/poll/chats.h"

enum chats_asked {
	LEFT_NONE, /* the list has all there are */
	LEFT_FEW,  /* it may have missed some; if many left, they were closed */
	LEFT_ALL, /* it did miss some: so many are asked about in each poll, and
		     others do not count as left before */
};

/* Needs cs->store. Ages go by the CRM's clock as it is now: the time of a
 * snapshot stands still while that clock is behind the last one. A chat whose
 * question is not answered is asked about again when the next list lacks it. */
void chats_leave(struct chats *cs, enum chats_asked ask);

/* Frees what the questions had; there are none any more. */
void chats_leave_release(struct chats *cs);

#endif
