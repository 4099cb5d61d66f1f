/*
 * live_events: GET /api/v1/now/stream: the answers of /api/v1/now to the
 * listener's role as Server-Sent Events, one at once and one after each change.
 * When the tables cannot be read, an event `problem` says why, once; the next
 * answer ends it.
 *
 * One thread, with a connection of its own, looks at the tables up to twenty
 * times a second for each tenant that somebody listens to, and makes the
 * answers for those roles that somebody has; each agent is a role of their own.
 * While nobody listens it does nothing.
 *
 * A stream ends within seconds after its token was revoked or has expired.
 */
#ifndef SINK_SERVE_LIVE_EVENTS_H
#define SINK_SERVE_LIVE_EVENTS_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "common/http/web.h"

#include <stdint.h>

struct live_events;

/* A connection like db, which is borrowed. timeout_ms: of a statement. NULL and
 * *why: there is no thread. Owned. */
struct live_events *live_events_open(const struct db *db, int64_t timeout_ms,
    struct buf *why) __attribute__((warn_unused_result));

/* Nobody may listen any more. NULL is fine. */
void live_events_close(struct live_events *l);

/* The handler; its context is a struct serve. */
web_handler live_events_answer;

#endif
