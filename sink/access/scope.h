/*
 * scope: the rows that a viewer sees, as a condition in a statement, by role
 * and teams. `least` of a resource defines which roles see it.
 * `least` in struct list's columns (api/list.h; PERSONAL() in resource_lists.c)
 * defines which columns; resource_now.c and resource_chat.c compare `role`.
 *
 *   rows    figures for single operators, their chats and intervals: an
 *           operator sees their own, a token with teams those of their
 * operators totals figures for several operators together: a token sees its
 * teams; an operator without teams in the token sees the teams that they belong
 *           to; all others see the tenant
 *
 * A team without members, or one that is not configured, shows nothing.
 */
#ifndef SINK_ACCESS_SCOPE_H
#define SINK_ACCESS_SCOPE_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "sink/access/viewer.h"

#include <stdbool.h>
#include <stddef.h>

/* Append " AND column IN (...)", or nothing if the viewer sees everything. */
void scope_add_rows(
    const struct viewer *v, const char *column, struct buf *sql);
void scope_add_totals(
    const struct viewer *v, const char *column, struct buf *sql);

/* The rows, and those without an operator: unassigned customers. */
void scope_add_waiting(
    const struct viewer *v, const char *column, struct buf *sql);

/* True if the viewer sees only part of the tenant. */
bool scope_limits_rows(const struct viewer *v);
bool scope_limits_totals(const struct viewer *v);

/* True if the viewer sees the operator's rows; "": rows without one. */
bool scope_has(const struct viewer *v, const char *operator_id);

struct team_member;

/* Returns the next team of an operator, from position *at of the configuration
 * on, which is advanced; if the token has teams, only one of these. NULL: no
 * more. For a lead and above. */
const struct team_member *scope_next_team(
    const struct viewer *v, const char *operator_id, size_t *at);

/* True if both see the same. */
bool scope_equals(const struct viewer *a, const struct viewer *b);

/* The operators of each team, from the key teams of [crm NAME]:
 *
 *   teams = support: 7 8 9, sales: 4 5
 *
 * An operator may be in several teams. Read once, at start. */

/* This operator is in this team. Borrowed from the configuration. */
struct team_member {
	const char *tenant, *team; /* team ends at team_len, before its ':' */
	size_t team_len;
	const char *operator_id;
};

struct teams {
	struct team_member *list; /* owned */
	size_t n, cap;
};

/* Reads the teams of all tenants. Returns -1 and *why if a value does not begin
 * with the name of a team. A tenant whose file cannot be read has no teams. */
int teams_read(struct teams *t, const struct conf *conf, struct buf *why)
    __attribute__((warn_unused_result));
void teams_release(struct teams *t);

/* True if the tenant has a team with that name, which has len bytes. */
bool teams_have(
    const struct teams *t, const char *tenant, const char *name, size_t len);

#endif
