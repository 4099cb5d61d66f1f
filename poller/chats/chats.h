/*
 * chats: takes the chats of one poll from the pages of the list; read_chat.h
 * reads each of them. chats_carry.h adds those that a list of changes lacks,
 * chats_leave.h those that have left the list.
 */
#ifndef POLLER_CHATS_CHATS_H
#define POLLER_CHATS_CHATS_H

#include "common/lmdb/lmdb_file.h"
#include "poller/chats/polled_chat.h"

void chats_init(struct chats *c, struct crm_session *crm, struct emit *emit);
void chats_release(struct chats *c);

/* Adds a page of the list: chats and their messages. left: the chat was looked
 * up because it has left the list; it is added even if it is closed. NULL for a
 * page of the list. */
void chats_page(struct chats *c, struct profile_answer *a, int64_t asked_ms,
    const char *left);

/* Call it when the list is complete: handles the collected chats. */
void chats_listed(struct chats *c);

/* Calls entry() for each chat of the state. If that fails, so does the poll. */
void chats_each_stored(struct chats *cs, lmdb_entry_fn *entry, void *ctx);

#endif
