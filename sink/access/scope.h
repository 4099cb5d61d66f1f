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

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "sink/access/viewer.h"

#include <stdbool.h>
#include <stddef.h>

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

struct team_member;

/* The next team of an operator, from place *at of the configuration on, which
 * is moved behind it; of a token with teams one of these. NULL: no more. For a
 * lead and above. */
const struct team_member *scope_next_team(
    const struct viewer *v, const char *operator_id, size_t *at);

/* True when both see the same. */
bool scope_equals(const struct viewer *a, const struct viewer *b);

/* Which operators are in which team, as the key teams of [crm NAME] says:
 *
 *   teams = support: 7 8 9, sales: 4 5
 *
 * An operator may be in several. Read once at the start. */

/* A row: this operator is in this team. Borrowed from the configuration. */
struct team_member {
	const char *tenant, *team; /* team ends before its ':', at team_len */
	size_t team_len;
	const char *operator_id;
};

struct teams {
	struct team_member *list; /* owned */
	size_t n, cap;
};

/* Reads those of all tenants. -1 and *why: a value does not say whose team it
 * means. A tenant whose file cannot be read has no teams. */
int teams_read(struct teams *t, const struct conf *conf, struct buf *why)
    __attribute__((warn_unused_result));
void teams_release(struct teams *t);

#endif
