/*
 * pull: one poll of one tenant: asks for operators, open chats and what is
 * new in them, and writes the whole snapshot.
 *
 * Guarantee: the end marker is written only when every chat that the list
 * shows is in the snapshot, as read now or as it stands in the state. What
 * was read is kept in the state also when the snapshot fails.
 */
#ifndef POLLER_POLL_PULL_H
#define POLLER_POLL_PULL_H

#include "common/base/prog.h"
#include "common/endpoint/endpoint.h"
#include "poller/client/http.h"
#include "poller/client/tenant.h"
#include "poller/store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct pull;

/* All borrowed; store may be NULL. */
struct pull *pull_new(struct http *h, const struct tenant *t,
    struct store *store, struct endpoint *to)
    __attribute__((warn_unused_result));
void pull_free(struct pull *p);

/* Starts what may be started; as fetch_step(). */
int64_t pull_step(struct pull *p);

/* After answers were handed out: true once the poll is over. */
bool pull_done(struct pull *p);

/* Gives up, keeping what was read. */
void pull_stop(struct pull *p);

/* PROG_OK, or why there is no snapshot: already logged. */
enum exit_code pull_code(const struct pull *p);

struct pull_progress {
	uint64_t chats, to_read, read, calls, records;
};
void pull_progress(const struct pull *p, struct pull_progress *out);

#endif
