/*
 * pull: one poll of one tenant: reads operators, open chats and their new
 * messages, and writes the whole snapshot.
 *
 * Guarantee: the snapshot is written only if it has every chat of the list, as
 * read now or as kept in the state. What was read is kept in the state even if
 * the snapshot fails; when the poll is killed, all but what was
 * read, and called, in its last second.
 */
#ifndef POLLER_CHATS_PULL_H
#define POLLER_CHATS_PULL_H

#include "common/base/prog.h"
#include "common/endpoint/endpoint.h"
#include "poller/crm/http.h"
#include "poller/crm/store.h"
#include "poller/crm/tenant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Clocks are corrected by less every day, so that is not worth a warning. */
#define PULL_CLOCK_BACK_MS (INT64_C(60) * 1000)

struct pull;

/* Starts a poll. Takes over the store, which may be NULL; borrows the others.
 */
struct pull *pull_new(struct http *h, const struct tenant *t,
    struct store *store, struct endpoint *to)
    __attribute__((warn_unused_result));
void pull_free(struct pull *p);

/* Sends requests; as fetch_step(), but 0 when none is left to wait for, and
 * INT64_MAX when done. */
int64_t pull_step(struct pull *p);

/* Call it after answers were handled: true when the poll has ended. */
bool pull_done(struct pull *p);

/* Ends the poll without a snapshot, but keeps in the state what was read. */
void pull_stop(struct pull *p);

/* PROG_OK, or the reason for which there is no snapshot; it was logged. */
enum exit_code pull_code(const struct pull *p);

/* The time of its snapshot if that has the last word of a chat, else 0. Once
 * the snapshot is confirmed it belongs into the store as CHATS_CONFIRMED. */
int64_t pull_told(const struct pull *p);

struct pull_progress {
	uint64_t chats, to_read, read, calls, records;
};
void pull_progress(const struct pull *p, struct pull_progress *out);

/*
 * short_list: lists of open chats that end before the total they name, or of
 * the operators by whom chats are listed. One such answer is a fault of the
 * moment, and its poll fails. A CRM that counts a few rows more than it shows
 * in every poll would never have a snapshot: from the third poll in a row on
 * its list is taken, with a warning, and the chats that it lacks are asked
 * about singly (chats_leave()).
 */

/* Rows that a list may lack: as many chats as can be asked about singly. */
#define SHORT_LIST_MOST 50

/* Whether a list that lacks so many rows was taken by the last poll. */
bool short_list_is_taken(struct store *s, size_t missing);

#endif
