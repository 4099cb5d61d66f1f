/*
 * scope: see scope.h. Ids are written in hexadecimal, so they cannot contain
 * SQL; the introducer leaves the comparison to the collation of the column.
 */
#include "sink/access/scope.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/encoding.h"

/* Teams. */

#define CRM "crm "

static bool
is_team(const struct team_member *m, const char *name, size_t len)
{
	return m->team_len == len && memcmp(m->team, name, len) == 0;
}

/* An operator who is listed twice is in the team once, because figures of teams
 * are sums over operators. */
static void
add_member(struct teams *t, const struct team_member *new)
{
	const struct team_member *m;

	for (m = t->list; m < t->list + t->n; m++) {
		if (strcmp(m->tenant, new->tenant) == 0 &&
		    is_team(m, new->team, new->team_len) &&
		    strcmp(m->operator_id, new->operator_id) == 0)
			return;
	}
	XGROW(t->list, t->n, t->cap);
	t->list[t->n++] = *new;
}

static int
read_team_words(
    struct teams *t, const char *tenant, char *const *words, struct buf *why)
{
	const char *team = NULL;
	size_t len, team_len = 0;

	for (; words != NULL && *words != NULL; words++) {
		len = strlen(*words);
		if (len > 1 && (*words)[len - 1] == ':') {
			team = *words;
			team_len = len - 1;
			continue;
		}
		if (team == NULL) {
			buf_setf(why,
			    "[crm %s] teams: '%s' comes before the first team; "
			    "write teams = NAME: OPERATOR OPERATOR, NAME: ...",
			    tenant, *words);
			return -1;
		}
		add_member(
		    t, &(struct team_member){ tenant, team, team_len, *words });
	}
	return 0;
}

int
teams_read(struct teams *t, const struct conf *conf, struct buf *why)
{
	const char *tenant;
	char *section;
	size_t i;
	int rc = 0;

	for (i = 0; i < conf_tenants(conf) && rc == 0; i++) {
		tenant = conf_tenant(conf, i);
		if (conf_tenant_error(conf, i) != NULL)
			continue;
		section = xasprintf(CRM "%s", tenant);
		rc = read_team_words(
		    t, tenant, conf_list(conf, section, "teams"), why);
		free(section);
	}
	return rc;
}

void
teams_release(struct teams *t)
{
	free(t->list);
}

bool
teams_have(
    const struct teams *t, const char *tenant, const char *name, size_t len)
{
	const struct team_member *m;

	for (m = t->list; m < t->list + t->n; m++) {
		if (strcmp(m->tenant, tenant) == 0 && is_team(m, name, len))
			return true;
	}
	return false;
}

/* True if the member's team is among these names, each followed by a
 * newline. */
static bool
teams_named(const struct team_member *m, const char *names)
{
	const char *end;

	for (; *names != '\0'; names = end + 1) {
		end = strchr(names, '\n');
		if (end == NULL)
			break;
		if (is_team(m, names, (size_t)(end - names)))
			return true;
	}
	return false;
}

/* True if an operator is in the member's team. */
static bool
teams_shared(
    const struct teams *t, const struct team_member *m, const char *operator_id)
{
	const struct team_member *o;

	for (o = t->list; o < t->list + t->n; o++) {
		if (strcmp(o->tenant, m->tenant) == 0 &&
		    is_team(o, m->team, m->team_len) &&
		    strcmp(o->operator_id, operator_id) == 0)
			return true;
	}
	return false;
}

/* The condition. */

/* True for an operator who is in a team. */
static bool
is_in_some_team(const struct viewer *v)
{
	const struct team_member *m;

	if (v->teams == NULL)
		return false;
	for (m = v->teams->list; m < v->teams->list + v->teams->n; m++) {
		if (strcmp(m->tenant, v->tenant) == 0 &&
		    strcmp(m->operator_id, v->claims.subject) == 0)
			return true;
	}
	return false;
}

bool
scope_limits_rows(const struct viewer *v)
{
	return v->role == VIEWER_OPERATOR || v->claims.in_teams;
}

bool
scope_limits_totals(const struct viewer *v)
{
	return v->claims.in_teams ||
	       (v->role == VIEWER_OPERATOR && is_in_some_team(v));
}

/* True if the viewer's totals include the member. */
static bool
is_in_totals(const struct viewer *v, const struct team_member *m)
{
	if (strcmp(m->tenant, v->tenant) != 0)
		return false;
	return v->claims.in_teams
		   ? teams_named(m, v->claims.teams)
		   : teams_shared(v->teams, m, v->claims.subject);
}

static void
add_id(struct buf *sql, const char *id, bool first)
{
	size_t len = strlen(id);
	char *end;

	buf_adds(sql, first ? "_utf8mb4 X'" : ", _utf8mb4 X'");
	end = buf_room(sql, 2 * len);
	(void)hex_write(end, (const unsigned char *)id, len);
	buf_grown(sql, 2 * len);
	buf_addc(sql, '\'');
}

/* Appends "(column IN (...))". */
static void
add_team_ids(const struct viewer *v, const char *column, struct buf *sql)
{
	const struct team_member *m = v->teams != NULL ? v->teams->list : NULL;
	size_t i, n = 0;

	for (i = 0; m != NULL && i < v->teams->n; i++) {
		if (!is_in_totals(v, &m[i]))
			continue;
		if (n == 0)
			buf_addf(sql, "%s IN (", column);
		add_id(sql, m[i].operator_id, n++ == 0);
	}
	buf_adds(sql, n > 0 ? ")" : "FALSE");
}

static void
add_own(const struct viewer *v, const char *column, struct buf *sql)
{
	if (v->role != VIEWER_OPERATOR) {
		add_team_ids(v, column, sql);
		return;
	}
	buf_addf(sql, "%s IN (", column);
	add_id(sql, v->claims.subject, true);
	buf_addc(sql, ')');
}

void
scope_add_rows(const struct viewer *v, const char *column, struct buf *sql)
{
	if (!scope_limits_rows(v))
		return;
	buf_adds(sql, " AND ");
	add_own(v, column, sql);
}

void
scope_add_totals(const struct viewer *v, const char *column, struct buf *sql)
{
	if (!scope_limits_totals(v))
		return;
	buf_adds(sql, " AND ");
	add_team_ids(v, column, sql);
}

void
scope_add_waiting(const struct viewer *v, const char *column, struct buf *sql)
{
	if (!scope_limits_rows(v))
		return;
	buf_addf(sql, " AND (%s IS NULL OR ", column);
	add_own(v, column, sql);
	buf_addc(sql, ')');
}

bool
scope_has(const struct viewer *v, const char *operator_id)
{
	size_t i;

	if (v->role == VIEWER_OPERATOR)
		return strcmp(operator_id, v->claims.subject) == 0;
	if (!v->claims.in_teams)
		return true;
	for (i = 0; v->teams != NULL && i < v->teams->n; i++) {
		if (strcmp(v->teams->list[i].operator_id, operator_id) == 0 &&
		    is_in_totals(v, &v->teams->list[i]))
			return true;
	}
	return false;
}

const struct team_member *
scope_next_team(const struct viewer *v, const char *operator_id, size_t *at)
{
	const struct team_member *m;

	while (v->teams != NULL && *at < v->teams->n) {
		m = &v->teams->list[(*at)++];
		if (strcmp(m->tenant, v->tenant) == 0 &&
		    strcmp(m->operator_id, operator_id) == 0 &&
		    (!v->claims.in_teams || is_in_totals(v, m)))
			return m;
	}
	return NULL;
}

bool
scope_equals(const struct viewer *a, const struct viewer *b)
{
	return a->role == b->role && strcmp(a->tenant, b->tenant) == 0 &&
	       a->claims.in_teams == b->claims.in_teams &&
	       strcmp(a->claims.teams, b->claims.teams) == 0 &&
	       (a->role != VIEWER_OPERATOR ||
		   strcmp(a->claims.subject, b->claims.subject) == 0);
}
