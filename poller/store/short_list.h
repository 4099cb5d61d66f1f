/*
 * short_list: lists of open chats that end before the total they name, or of
 * the operators by whom chats are listed. One such answer is a fault of the
 * moment, and its poll fails. A CRM that counts a few rows more than it shows
 * in every poll would never have a snapshot: from the third poll in a row on
 * its list is taken, with a warning, and the chats that it lacks are asked
 * about singly (chats_leave.h).
 */
#ifndef POLLER_STORE_SHORT_LIST_H
#define POLLER_STORE_SHORT_LIST_H

#include "poller/store/store.h"

#include <stdbool.h>
#include <stddef.h>

/* Rows that a list may lack: as many chats as can be asked about singly. */
#define SHORT_LIST_MOST 50

/* Counts a poll whose list lacks so many rows; 0: it is whole. True if that
 * list is taken. */
bool short_list_count(struct store *s, size_t missing);

/* Whether a list that lacks so many rows was taken by the last poll. */
bool short_list_is_taken(struct store *s, size_t missing);

/* Whether the next poll would take it: reading it again would be paid for. */
bool short_list_is_next(struct store *s);

#endif
