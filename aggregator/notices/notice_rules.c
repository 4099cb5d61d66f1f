/*
 * notice_rules: see notice_rules.h.
 */
#include "aggregator/notices/notice_rules.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#define KIND "notice"

const char *const notice_kind_names[NOTICE_KINDS] = {
	[NOTICE_SOON] = "soon",
	[NOTICE_LATE] = "late",
	[NOTICE_WAITING] = "waiting",
	[NOTICE_NOBODY_ONLINE] = "nobody_online",
};

bool
notice_rules_exist(const struct conf *c)
{
	return conf_section(c, KIND, 0) != NULL;
}

/* Returns NOTICE_KINDS if the section does not say. */
static enum notice_kind
kind_of(const struct conf *c, const char *section)
{
	const char *name = conf_text(c, section, "when");
	size_t i;

	for (i = 0; i < NOTICE_KINDS; i++)
		if (name != NULL && strcmp(name, notice_kind_names[i]) == 0)
			break;
	return (enum notice_kind)i;
}

static bool
is_set(const struct conf *c, const char *section, const char *key)
{
	return conf_line(c, section, key) != 0;
}

static char *const *
team_words(const struct conf *c, const char *tenant)
{
	static char *const none[] = { NULL };
	char *section = xasprintf("crm %s", tenant);
	char *const *words =
	    conf_has_tenant(c, tenant) ? conf_list(c, section, "teams") : none;

	free(section);
	return words;
}

/* A rule that is being checked. */
struct check {
	const struct conf *conf;
	const struct terms_book *terms;
	const char *section;
	enum notice_kind kind;
	unsigned line; /* of the mistake; 0: the section's */
	struct buf mistake;
};

static bool
has_team(const struct conf *c, const char *tenant, const char *team)
{
	char *const *w = team_words(c, tenant);
	size_t len = strlen(team);

	for (; *w != NULL; w++)
		if (strncmp(*w, team, len) == 0 && strcmp(*w + len, ":") == 0)
			return true;
	return false;
}

/* Calls each() for each tenant to which the rule applies, until it returns
 * true. Returns whether it did. */
static bool
any_tenant(const struct check *k,
    bool (*each)(const struct check *k, const char *tenant, const void *arg),
    const void *arg)
{
	char *const *tenants = conf_list(k->conf, k->section, "tenants");
	const char *tenant;
	size_t i;

	for (i = 0; i < conf_tenants(k->conf); i++) {
		tenant = conf_tenant(k->conf, i);
		if ((*tenants == NULL || text_is_listed(tenant, tenants)) &&
		    each(k, tenant, arg))
			return true;
	}
	return false;
}

static bool
tenant_has_team(const struct check *k, const char *tenant, const void *team)
{
	return has_team(k->conf, tenant, team);
}

static bool
tenant_has_targets(const struct check *k, const char *tenant, const void *none)
{
	(void)none;
	return terms_have_targets(terms_of_tenant(k->terms, text_from(tenant)));
}

static void
check_keys(struct check *k)
{
	static const struct {
		const char *key;
		unsigned kinds; /* that have the key */
	} keys[] = {
		{ "for", ~(1u << NOTICE_SOON) },
		{ "left", 1u << NOTICE_SOON },
		{ "customers",
		    1u << NOTICE_WAITING | 1u << NOTICE_NOBODY_ONLINE },
		{ "clear", 1u << NOTICE_WAITING },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(keys); i++)
		if (is_set(k->conf, k->section, keys[i].key) &&
		    (keys[i].kinds & 1u << k->kind) == 0)
			buf_setf(&k->mistake,
			    "'%s' has no effect with when = %s", keys[i].key,
			    notice_kind_names[k->kind]);
	if (k->kind == NOTICE_WAITING && !is_set(k->conf, k->section, "for"))
		buf_setf(&k->mistake, "needs a line such as: for = 10m");
	if (conf_int(k->conf, k->section, "clear") >=
	    conf_int(k->conf, k->section, "customers"))
		buf_setf(&k->mistake, "'clear' must be less than 'customers'");
	if (*conf_list(k->conf, k->section, "channels") != NULL &&
	    *conf_list(k->conf, k->section, "teams") != NULL)
		buf_setf(&k->mistake, "has either channels or teams");
}

/* Finds names that do not exist. Channels are not known here. */
static void
check_names(struct check *k)
{
	char *const *w;

	if (conf_tenants(k->conf) == 0)
		return;
	for (w = conf_list(k->conf, k->section, "tenants"); *w != NULL; w++) {
		if (conf_has_tenant(k->conf, *w))
			continue;
		buf_setf(&k->mistake, "tenants: there is no [crm %s]", *w);
		k->line = conf_line(k->conf, k->section, "tenants");
		return;
	}
	for (w = conf_list(k->conf, k->section, "teams"); *w != NULL; w++) {
		if (any_tenant(k, tenant_has_team, *w))
			continue;
		buf_setf(&k->mistake,
		    "teams: the key teams of [crm NAME] has no team '%s'", *w);
		k->line = conf_line(k->conf, k->section, "teams");
		return;
	}
}

static void
check_targets(struct check *k)
{
	bool exist = conf_tenants(k->conf) == 0
			 ? terms_any_targets(k->terms)
			 : any_tenant(k, tenant_has_targets, NULL);

	if (exist || (k->kind != NOTICE_SOON && k->kind != NOTICE_LATE))
		return;
	buf_setf(&k->mistake,
	    "when = %s never fires without targets; add [targets], see "
	    "messaging-hours(7)",
	    notice_kind_names[k->kind]);
	k->line = conf_line(k->conf, k->section, "when");
}

static void
check_rule(struct check *k)
{
	if (k->kind == NOTICE_KINDS)
		buf_setf(&k->mistake, "needs a line such as: when = late");
	else
		check_keys(k);
	if (k->mistake.len == 0)
		check_names(k);
	if (k->mistake.len == 0)
		check_targets(k);
}

int
notice_rules_check(
    const struct conf *c, const struct terms_book *terms, struct buf *why)
{
	const char *section;
	struct check k;
	int rc = 0;
	size_t i;

	for (i = 0; rc == 0 && (section = conf_section(c, KIND, i)) != NULL;
	     i++) {
		k = (struct check){ .conf = c,
			.terms = terms,
			.section = section,
			.kind = kind_of(c, section),
			.mistake = BUF_INIT };
		check_rule(&k);
		if (k.mistake.len > 0) {
			buf_clear(why);
			conf_add_place(c, section, k.line, why);
			buf_addf(why, "[%s] %s", section, buf_str(&k.mistake));
			rc = -1;
		}
		buf_release(&k.mistake);
	}
	return rc;
}

static void
add_scope(struct notice_rule *r, enum notice_scope_kind kind, const char *name)
{
	static const char *const words[] = { "", "channel ", "team " };
	struct notice_scope *s;

	r->scopes = xrealloc(r->scopes, r->scopes_n + 1, sizeof *r->scopes);
	s = &r->scopes[r->scopes_n++];
	s->kind = kind;
	s->name = name;
	s->text = xasprintf("%s%s", words[kind], name);
}

static void
add_scopes(struct notice_rule *r, const struct conf *c, const char *section)
{
	char *const *w;

	for (w = conf_list(c, section, "channels"); *w != NULL; w++)
		add_scope(r, SCOPE_CHANNEL, *w);
	for (w = conf_list(c, section, "teams"); *w != NULL; w++)
		add_scope(r, SCOPE_TEAM, *w);
	if (r->scopes_n == 0)
		add_scope(r, SCOPE_TENANT, "");
}

static void
add_rule(struct notice_rules *rules, const struct conf *c, const char *section,
    const char *tenant)
{
	struct notice_rule *r;

	XGROW(rules->list, rules->n, rules->cap);
	r = &rules->list[rules->n++];
	*r = (struct notice_rule){ .name = section + strlen(KIND " "),
		.kind = kind_of(c, section),
		.for_ms = conf_int(c, section, "for"),
		.left_ms = is_set(c, section, "left")
			       ? conf_int(c, section, "left")
			       : 0,
		.customers = (size_t)conf_int(c, section, "customers"),
		.clear = (size_t)conf_int(c, section, "clear"),
		.team = team_words(c, tenant) };
	add_scopes(r, c, section);
}

void
notice_rules_read(
    struct notice_rules *r, const struct conf *c, const char *tenant)
{
	const char *section;
	char *const *tenants;
	size_t i;

	for (i = 0; (section = conf_section(c, KIND, i)) != NULL; i++) {
		tenants = conf_list(c, section, "tenants");
		if (*tenants == NULL || text_is_listed(tenant, tenants))
			add_rule(r, c, section, tenant);
	}
}

void
notice_rules_release(struct notice_rules *r)
{
	size_t i, j;

	for (i = 0; i < r->n; i++) {
		for (j = 0; j < r->list[i].scopes_n; j++)
			free(r->list[i].scopes[j].text);
		free(r->list[i].scopes);
	}
	free(r->list);
	*r = (struct notice_rules){ 0 };
}

/* words: "sales:" 4 5 "support:" 7 */
static bool
is_member(char *const *words, const char *team, struct text operator_id)
{
	size_t len = strlen(team), n;
	bool in = false;

	for (; operator_id.p != NULL && *words != NULL; words++) {
		n = strlen(*words);
		if (n > 1 && (*words)[n - 1] == ':')
			in = n - 1 == len && memcmp(*words, team, len) == 0;
		else if (in && text_is(operator_id, *words))
			return true;
	}
	return false;
}

bool
notice_scope_has(const struct notice_rule *r, const struct notice_scope *s,
    struct text channel, struct text operator_id)
{
	switch (s->kind) {
	case SCOPE_CHANNEL:
		return text_is(channel, s->name);
	case SCOPE_TEAM:
		return is_member(r->team, s->name, operator_id);
	case SCOPE_TENANT:
		break;
	}
	return true;
}

bool
notice_scope_has_operator(const struct notice_rule *r,
    const struct notice_scope *s, struct text operator_id)
{
	return s->kind != SCOPE_TEAM ||
	       is_member(r->team, s->name, operator_id);
}
