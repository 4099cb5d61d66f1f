/*
 * viewer: the sender of a request: a tenant and a role. The viewer is read from
 * a bearer token; sink --get acts as an administrator of the tenant.
 *
 *   wall      a screen on the wall: totals without names (resource_now.c)
 *   operator  the token's sub: sees their own metrics and the totals
 *   lead      all operators and chats
 *   admin     the same, and the text of messages
 *
 * A token with teams sees only their operators, regardless of its role:
 * scope.h. Each role sees everything that the roles before it see.
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
	VIEWER_OPERATOR,
	VIEWER_LEAD,
	VIEWER_ADMIN
};

struct conf;
struct teams;
struct tenant_terms;
struct terms_book;

struct viewer {
	char tenant[RECORD_MAX_TENANT + 1];
	enum viewer_role role;
	struct jwt_claims claims;       /* sub of role operator: their id */
	const struct teams *teams;      /* borrowed; NULL: there are no teams */
	const struct conf *conf;        /* borrowed; NULL: unknown */
	const struct terms_book *terms; /* the same */
};

/* Returns 0, or -1 and *why, which may be logged: the token is invalid, has no
 * role, or has the role operator and no sub. */
int viewer_from_token(struct viewer *v, const struct jwt_rules *rules,
    const char *token, int64_t now_ms, struct buf *why)
    __attribute__((warn_unused_result));

/* Returns the hours and targets of the tenant; NULL: unknown. Borrowed. */
const struct tenant_terms *viewer_terms(const struct viewer *v);

/* Finds a role by name; returns VIEWER_NONE if there is no such role. */
enum viewer_role viewer_role_named(const char *name);
const char *viewer_role_name(enum viewer_role role);

#endif
