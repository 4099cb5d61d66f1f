/*
 * scope: whose rows a viewer sees, as a condition of a statement, by role and
 * teams. Which resources a role sees: `least` in resource_routes.c. Which
 * columns: `least` of struct list's columns (api/list.h; PERSONAL() in
 * resource_lists.c); resource_now.c and resource_chat.c compare `role`.
 *
 *   rows    figures of single operators, their chats and intervals: an agent's
 *           are their own, those of a token with teams those of their operators
 *   totals  figures of several together: those of the token's teams, of an
 *           agent without these the teams that they are in, else the tenant's
 *
 * A team that nobody is in, or that the configuration does not have, shows
 * nothing.
 */
#ifndef SINK_ACCESS_SCOPE_H
#define SINK_ACCESS_SCOPE_H

#include "sink/access/viewer.h"

/* Append " AND column IN (...)", or nothing where the viewer sees all. */
void scope_add_rows(
    const struct viewer *v, const char *column, struct buf *sql);
void scope_add_totals(
    const struct viewer *v, const char *column, struct buf *sql);

/* The rows, and those that are nobody's: who waits for an operator. */
void scope_add_waiting(
    const struct viewer *v, const char *column, struct buf *sql);

/* True: not all of the tenant. */
bool scope_limits_rows(const struct viewer *v);
bool scope_limits_totals(const struct viewer *v);

/* True when the operator's rows are the viewer's; "": nobody's. */
bool scope_has(const struct viewer *v, const char *operator_id);

/* True when both see the same. */
bool scope_equals(const struct viewer *a, const struct viewer *b);

#endif
