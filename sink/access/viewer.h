/*
 * viewer: who asks: of which tenant, in which role. It comes from a bearer
 * token; by hand (sink --get) it is an administrator of the tenant named.
 *
 *   wall    a screen on the wall: totals, and no names (resource_now.c)
 *   agent   an operator, the token's sub: their own metrics, and the totals
 *   lead    all operators and chats
 *   admin   what a lead sees, and message text
 *
 * A token with teams sees only their operators, whatever its role: scope.h.
 *
 * Roles are in the order of what they may see: each sees what those before it
 * do.
 */
#ifndef SINK_ACCESS_VIEWER_H
#define SINK_ACCESS_VIEWER_H

#include "common/base/buf.h"
#include "common/records/record.h"
#include "common/tokens/jwt.h"

#include <stdint.h>

enum viewer_role {
	VIEWER_NONE,
	VIEWER_WALL,
	VIEWER_AGENT,
	VIEWER_LEAD,
	VIEWER_ADMIN
};

struct conf;
struct teams;

struct viewer {
	char tenant[RECORD_MAX_TENANT + 1];
	enum viewer_role role;
	struct jwt_claims claims;  /* sub is the operator of an agent */
	const struct teams *teams; /* borrowed; NULL: nobody is in one */
	const struct conf *conf;   /* borrowed; NULL: unknown */
};

/* 0, or -1 and *why, which may be logged: the token is not valid, or has no
 * role, or is an agent's and names no operator. */
int viewer_from_token(struct viewer *v, const struct jwt_rules *rules,
    const char *token, int64_t now_ms, struct buf *why)
    __attribute__((warn_unused_result));

/* By name; VIEWER_NONE: there is no such role. */
enum viewer_role viewer_role_named(const char *name);
const char *viewer_role_name(enum viewer_role role);

#endif
