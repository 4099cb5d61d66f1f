/*
 * chat_waits: how long the customers of chats have waited, up to the present of
 * the tenant. A stream writes the row of a chat when the chat changes, which
 * one whose customer just waits does not: the row's own time is the begin of
 * that wait, and says nothing of its length.
 *
 * Who waits too long is asked by the present moment instead, as a board counts:
 * a list of late chats has those that it counts as late.
 */
#ifndef SINK_RESOURCES_CHAT_WAITS_H
#define SINK_RESOURCES_CHAT_WAITS_H

#include "sink/api/question.h"

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
extern const char *const chat_waits_parameters[]; /* up to NULL */

#endif
