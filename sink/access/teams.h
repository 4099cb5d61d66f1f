/*
 * teams: which operators are in which team, as the key teams of [crm NAME]
 * says:
 *
 *   teams = support: 7 8 9, sales: 4 5
 *
 * An operator may be in several. Read once at the start. What a lead sees by
 * them: scope.h.
 */
#ifndef SINK_ACCESS_TEAMS_H
#define SINK_ACCESS_TEAMS_H

#include "common/base/buf.h"
#include "common/conf/conf.h"

#include <stdbool.h>
#include <stddef.h>

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

/* Whether the member's team is one of these names, each with a newline behind
 * it. */
bool teams_named(const struct team_member *m, const char *names);

/* Whether the tenant has a team with that name. */
bool teams_has(
    const struct teams *t, const char *tenant, const char *name, size_t len);

/* Whether an operator is in the member's team. */
bool teams_shared(const struct teams *t, const struct team_member *m,
    const char *operator_id);

#endif
