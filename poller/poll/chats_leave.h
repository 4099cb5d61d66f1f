/*
 * chats_leave: chats that are kept in the store and not in a list that is
 * complete: they have left, are asked about once more where that may be a
 * mistake, and are forgotten in time.
 */
#ifndef POLLER_POLL_CHATS_LEAVE_H
#define POLLER_POLL_CHATS_LEAVE_H

#include "poller/poll/chats.h"

/* There is a store; pages is how many the list had. */
void chats_leave(struct chats *cs, unsigned pages, int64_t now_ms);

#endif
