/*
 * teams: see teams.h.
 */
#include "sink/access/teams.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#define CRM "crm "

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
			    "[crm %s] teams: '%s' stands in no team; write "
			    "teams = NAME: OPERATOR OPERATOR, NAME: ...",
			    tenant, *words);
			return -1;
		}
		XGROW(t->list, t->n, t->cap);
		t->list[t->n++] =
		    (struct team_member){ tenant, team, team_len, *words };
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

static bool
is_team(const struct team_member *m, const char *name, size_t len)
{
	return m->team_len == len && memcmp(m->team, name, len) == 0;
}

bool
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

bool
teams_has(
    const struct teams *t, const char *tenant, const char *name, size_t len)
{
	const struct team_member *m;

	for (m = t->list; m < t->list + t->n; m++) {
		if (strcmp(m->tenant, tenant) == 0 && is_team(m, name, len))
			return true;
	}
	return false;
}

bool
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
