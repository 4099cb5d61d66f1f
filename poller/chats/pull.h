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

/* A list of chats, or of the operators by whom chats are listed, that ends
 * before the total it states is accepted with a warning if it lacks at most
 * this many rows: some CRMs count rows that they do not show. The chats that it
 * lacks are looked up one by one (chats_leave()). Otherwise the poll fails. */
#define SHORT_LIST_MOST 50

#endif
