/*
 * pull: one poll of one tenant: reads operators, open chats and their new
 * messages, and writes the whole snapshot.
 *
 * Guarantee: the snapshot is written only if it has every chat in the list,
 * either read now or from the state. The data that were read are kept in the
 * state even if the snapshot fails. If the poll is killed, only the data and
 * calls of its last second are lost.
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

struct pull;

/* Starts a poll. Takes over the store, which may be NULL, and borrows the
 * others. */
struct pull *pull_new(struct http *h, const struct tenant *t,
    struct store *store, struct endpoint *to)
    __attribute__((warn_unused_result));
void pull_free(struct pull *p);

/* Returns its client, borrowed, for fetch_turn(). */
struct fetch *pull_fetch(const struct pull *p);

/* Call it after each fetch_turn(): true when the poll has ended. */
bool pull_done(struct pull *p);

/* Ends the poll without a snapshot, but keeps the data that were read in the
 * state. */
void pull_stop(struct pull *p);

/* PROG_OK, or the code of the failure, which has been logged. */
enum exit_code pull_code(const struct pull *p);

/* The time of the snapshot if it has the last messages of a chat, else 0. Once
 * the snapshot is confirmed, the caller stores this time as CHATS_CONFIRMED. */
int64_t pull_told(const struct pull *p);

/* The time of the snapshot if there are one and a state, else 0. Once the
 * snapshot is confirmed, the caller stores this time as COVERED_UNTIL. */
int64_t pull_covered(const struct pull *p);

/*
 * short_list: lists that end before the total they state: of open chats, or of
 * the operators by whom chats are listed. The first such answers count as a
 * temporary fault, and the poll fails. However, a CRM that always counts a few
 * rows more than it shows would never have a snapshot. Therefore, from the
 * third such poll in a row, the list is accepted with a warning, and the chats
 * that it lacks are looked up one by one (chats_leave()).
 */

/* True if the last poll accepted a list that lacked this many rows, at most
 * CHATS_LEAVE_MOST. */
bool short_list_is_taken(struct store *s, size_t missing);

#endif
