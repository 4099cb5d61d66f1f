/*
 * chat_rows: shared by resources about chats and the present: waits of
 * customers, stale metrics, and the order of a chat's messages.
 */
#ifndef SINK_RESOURCES_CHAT_ROWS_H
#define SINK_RESOURCES_CHAT_ROWS_H

#include "common/db/db.h"
#include "sink/api/question.h"

#include <stddef.h>

/* The waits of customers, up to the tenant's present time. A stream writes a
 * chat's row when the chat changes, which it does not while its customer waits.
 * The row's time is then the start of the wait and does not show how long it
 * lasts.
 *
 * Lists of late chats use the present time, as the board does, so that both
 * count the same chats. */

/* For a row c of chat_metrics and its tenant t: the time up to which a wait
 * counts, and the seconds of the wait, NULL if the customer is not waiting. */
#define CHAT_WAITS_UNTIL                                                       \
	"GREATEST(c.as_of, COALESCE(t.waits_until, t.as_of, c.as_of))"
#define CHAT_WAITS_SECONDS                                                     \
	"GREATEST(0, TIMESTAMPDIFF(MICROSECOND, "                              \
	"c.waiting_since, " CHAT_WAITS_UNTIL ")) / 1000000"

/* The rows c of the chats that have not left, and t; the only argument is the
 * tenant. */
#define CHAT_WAITS_FROM                                                        \
	" FROM chat_metrics c LEFT JOIN tenant_metrics t "                     \
	"ON t.tenant = c.tenant WHERE c.tenant = ? AND c.status <> 'left'"

/* Appends the conditions of the parameters waiting_seconds and at to a
 * statement about chat_metrics: the customer has waited at least this long, or
 * since this time, in a chat that has not left. Returns false if the answer is
 * now a problem. */
bool chat_waits_filter(struct question *q, struct buf *sql)
    __attribute__((warn_unused_result));

/* Metrics are stale if they are more than three minutes old, and the newest
 * snapshot more than three polling intervals (tenants.stale_at).
 *
 * The metrics of a snapshot have the time of the CRM's clock, which may differ
 * from ours by hours, so their age is measured from the time at which the
 * snapshot was stored. A stream may be newer than its snapshots, or have none;
 * then only its own time is known. */

/* SQL for the time on our clock from which the age of metrics counts, and for
 * whether they are stale: from the time of the metrics, and as_of, stored_at
 * and stale_at of the tenant, which may be NULL. */
#define NEW_AT(as_of, snapshot, stored_at)                                     \
	"IF(" as_of " <= " snapshot ", COALESCE(" stored_at ", " as_of         \
	"), " as_of ")"
#define STALE_AT(as_of, snapshot, stored_at, stale_at)                         \
	"GREATEST(" NEW_AT(as_of, snapshot,                                    \
	    stored_at) " + INTERVAL 3 MINUTE, "                                \
		       "COALESCE(" stale_at ", '1970-01-01'))"
/* For the row t of metrics and its row s of tenants. */
#define TENANT_NEW_AT NEW_AT("t.as_of", "s.as_of", "s.stored_at")
#define TENANT_STALE_AT                                                        \
	STALE_AT("t.as_of", "s.as_of", "s.stored_at", "s.stale_at")

/* The order of a chat's messages, of which several may have the same time: by
 * time and id, as in messaging-metrics(7). A statement sorts ids bytewise, so
 * 10 comes before 9, and a response might precede its question; for any other
 * order, it would read the whole chat. */

/* Sorts rows that are already in the order of the column `time`: those with the
 * same time by the column `id`. The sort is stable. Moves before the first
 * row. */
void message_order(struct db_rows *rows, size_t time, size_t id);

#endif
