/*
 * viewer: see viewer.h.
 */
#include "sink/access/viewer.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/hours/terms.h"

static const char *const role_names[] = {
	[VIEWER_NONE] = "none",
	[VIEWER_WALL] = "wall",
	[VIEWER_OPERATOR] = "operator",
	[VIEWER_LEAD] = "lead",
	[VIEWER_ADMIN] = "admin",
};

enum viewer_role
viewer_role_named(const char *name)
{
	size_t i;

	for (i = VIEWER_WALL; i < ARRAY_LEN(role_names); i++) {
		if (strcmp(role_names[i], name) == 0)
			return (enum viewer_role)i;
	}
	return VIEWER_NONE;
}

const char *
viewer_role_name(enum viewer_role role)
{
	return role_names[role];
}

const struct tenant_terms *
viewer_terms(const struct viewer *v)
{
	return v->terms != NULL
		   ? terms_of_tenant(v->terms, text_from(v->tenant))
		   : NULL;
}

int
viewer_from_token(struct viewer *v, const struct jwt_rules *rules,
    const char *token, int64_t now_ms, struct buf *why)
{
	*v = (struct viewer){ .role = VIEWER_NONE };
	if (jwt_check(rules, token, now_ms, v->tenant, &v->claims, why) != 0)
		return -1;
	if (!v->claims.are_short) {
		buf_setf(
		    why, "its role, sub, jti or teams is not a short string");
		return -1;
	}
	v->role = viewer_role_named(v->claims.role);
	if (v->role == VIEWER_NONE) {
		buf_setf(why, "it has no role that allows reading; create a "
			      "token with sink --token");
		return -1;
	}
	if (v->role == VIEWER_OPERATOR && v->claims.subject[0] == '\0') {
		buf_setf(why, "it has the role operator but no sub");
		return -1;
	}
	if (v->role == VIEWER_OPERATOR &&
	    text_ends_with_blank(
		v->claims.subject, strlen(v->claims.subject))) {
		buf_setf(why, "its sub ends with a space");
		return -1;
	}
	return 0;
}
