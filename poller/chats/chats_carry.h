/*
 * chats_carry: takes chats from the state that a list of changes lacks, because
 * they have not changed.
 */
#ifndef POLLER_CHATS_CHATS_CARRY_H
#define POLLER_CHATS_CHATS_CARRY_H

#include "poller/chats/chats.h"

/* Call it when a list of changes is complete. */
void chats_carry(struct chats *c, int64_t asked_ms);

#endif
