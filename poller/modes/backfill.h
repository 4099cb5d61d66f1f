/*
 * backfill: reads past conversations: poller --backfill, which backfill.c
 * explains, and gaps between polls.
 */
#ifndef POLLER_MODES_BACKFILL_H
#define POLLER_MODES_BACKFILL_H

#include "common/endpoint/endpoint.h"
#include "poller/crm/http.h"
#include "poller/crm/tenant.h"
#include "poller/modes/modes.h"

#include <stdbool.h>

/* Reads conversations of the gap that the tenant's state notes
 * (poller/chats/covered.h), writes their records and, once all are read, states
 * the time of the gap as covered and removes the note; if one could not be
 * read, the gap is never filled. Begins no conversation after the time
 * end_mono_ms, monotonic; the next call continues. Does nothing without a gap
 * or a state, if the profile cannot read past conversations, or while the
 * budget does not allow it. What is older than [aggregator] window is never
 * filled. Call it when the tenant's poll has ended and its snapshot is
 * confirmed. Errors are logged, and the poll still succeeds. Returns false if
 * nothing can be written any more. */
bool backfill_fill_gap(struct poller *p, const struct tenant *t,
    struct http *http, struct endpoint *to, int64_t end_mono_ms);

#endif
