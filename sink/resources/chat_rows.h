/*
 * chat_rows: what resources about chats and the present share: how long
 * customers have waited, from when on metrics are stale, and the order of a
 * chat's messages.
 */
#ifndef SINK_RESOURCES_CHAT_ROWS_H
#define SINK_RESOURCES_CHAT_ROWS_H

#include "common/db/db.h"
#include "sink/api/question.h"

#include <stddef.h>

/* How long the customers of chats have waited, up to the present of the tenant.
 * A stream writes the row of a chat when the chat changes, which one whose
 * customer just waits does not: the row's own time is the begin of that wait,
 * and says nothing of its length.
 *
 * Who waits too long is asked by the present moment instead, as a board counts:
 * a list of late chats has those that it counts as late. */

/* Of a row c of chat_metrics and its tenant t: the time up to which a wait
 * counts, and the seconds of the wait, NULL where nobody waits. */
#define CHAT_WAITS_UNTIL "GREATEST(c.as_of, COALESCE(t.as_of, c.as_of))"
#define CHAT_WAITS_SECONDS                                                     \
	"GREATEST(0, TIMESTAMPDIFF(MICROSECOND, "                              \
	"c.waiting_since, " CHAT_WAITS_UNTIL ")) / 1000000"

/* Appends " FROM" the rows c of the chats that have not left, and t; its one
 * argument is the tenant. False: the answer is a problem. */
bool chat_waits_from(struct question *q, struct buf *sql)
    __attribute__((warn_unused_result));

/* Appends the condition of the parameter waiting_seconds to a statement about
 * chat_metrics: a customer has waited so long, or longer, in a chat that has
 * not left. False: the answer is a problem. */
bool chat_waits_filter(struct question *q, struct buf *sql)
    __attribute__((warn_unused_result));

/* From when on metrics are stale: they are more than three minutes old, and the
 * newest snapshot more than three polling intervals (tenants.stale_at).
 *
 * The metrics of a snapshot have the time of the CRM's clock, which may differ
 * from ours by hours, so their age counts from when the snapshot was stored. A
 * stream may be newer than its snapshots, or have none: its time is all there
 * is. */

/* SQL of the time on our clock from which the age of metrics counts; and of
 * when they are stale: of the metrics' time, and of as_of, stored_at and
 * stale_at of the tenant, which may be NULL. */
#define NEW_AT(as_of, snapshot, stored_at)                                     \
	"IF(" as_of " <= " snapshot ", COALESCE(" stored_at ", " as_of         \
	"), " as_of ")"
#define STALE_AT(as_of, snapshot, stored_at, stale_at)                         \
	"GREATEST(" NEW_AT(as_of, snapshot,                                    \
	    stored_at) " + INTERVAL 3 MINUTE, "                                \
		       "COALESCE(" stale_at ", '1970-01-01'))"
/* Of the row t of metrics and its row s of tenants. */
#define TENANT_NEW_AT NEW_AT("t.as_of", "s.as_of", "s.stored_at")
#define TENANT_STALE_AT                                                        \
	STALE_AT("t.as_of", "s.as_of", "s.stored_at", "s.stale_at")

/* The order of a chat's messages, of which several may have one time: by time
 * and id, as messaging-metrics(7) has it. A statement orders ids by bytes,
 * which has 10 before 9, as if an answer came before its question; and any
 * other order it would read the whole chat for. */

/* Of rows that have the order of the column `time`, puts those of one time into
 * that of their ids, in the column `id`; those of one id, too, stay as they
 * are. Steps before the first. */
void message_order(struct db_rows *rows, size_t time, size_t id);

#endif
