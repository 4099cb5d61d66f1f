/*
 * conf: returns the value of a key; a secret may also come from the file that
 * NAME_file names (secret.c reads it). See conf.h. Later sources override
 * earlier ones: the file, the tenants' files, the environment, and flags
 * through conf_set().
 *
 * An error in the main file or the environment stops the program. An error in
 * one tenant's own file stops only that tenant.
 */
#include "common/conf/conf.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/conf/conf_impl.h"
#include "common/conf/secret.h"

struct conf_section *
conf_section_find(const struct conf *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (strcmp(c->sections[i].name, name) == 0)
			return &c->sections[i];
	}
	return NULL;
}

size_t
conf_key_at(const char *kind, const char *name)
{
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].section, kind) == 0 &&
		    strcmp(conf_keys[i].name, name) == 0)
			break;
	}
	return i;
}

struct conf_section *
conf_section_add(struct conf *c, const char *kind, const char *tenant)
{
	struct conf_section *s;

	XGROW(c->sections, c->n, c->cap);
	s = &c->sections[c->n++];
	memset(s, 0, sizeof *s);
	s->kind = kind;
	s->name =
	    tenant != NULL ? xasprintf("%s %s", kind, tenant) : xstrdup(kind);
	s->values = xcalloc(conf_keys_n, sizeof *s->values);
	return s;
}

static bool
conf_is_tenant(const struct conf_section *s)
{
	return strcmp(s->kind, "crm") == 0;
}

/* Appends a limit in the form used in files. */
static void
add_limit(struct buf *to, const struct conf_key *k, int64_t n)
{
	if (k->type == CONF_DURATION)
		parse_add_duration(to, n);
	else if (k->type == CONF_SIZE)
		parse_add_size(to, (uint64_t)n);
	else
		buf_addi(to, n);
}

static int
check_limits(
    const struct conf_key *k, const char *text, int64_t n, struct buf *why)
{
	if ((k->min == 0 && k->max == 0) || (n >= k->min && n <= k->max))
		return 0;
	buf_setf(why, "%s = %s is not between ", k->name, text);
	add_limit(why, k, k->min);
	buf_adds(why, " and ");
	add_limit(why, k, k->max);
	if (k->type == CONF_DURATION &&
	    strspn(text, "0123456789") == strlen(text))
		buf_adds(why, "; add a unit: ms, s, m, h or d");
	return -1;
}

static int
to_number(struct conf_value *v, const struct conf_key *k, const char *text,
    struct buf *why)
{
	const char *what;
	uint64_t size = 0;
	bool yes = false;
	int rc;

	if (k->type == CONF_INT) {
		what = "a whole number";
		rc = parse_int(text, INT64_MIN + 1, INT64_MAX, &v->num);
	} else if (k->type == CONF_SIZE) {
		what = "a size such as 4096, 64k or 16M";
		rc = parse_size(text, &size);
		v->num = size <= INT64_MAX ? (int64_t)size : INT64_MAX;
	} else if (k->type == CONF_DURATION) {
		what = "a duration such as 250ms, 30s, 10m or 7d";
		rc = parse_duration(text, &v->num);
	} else {
		what = "yes or no";
		rc = parse_bool(text, &yes);
		v->num = yes;
	}
	if (rc != 0) {
		buf_setf(why, "%s = %s is not %s", k->name, text, what);
		return -1;
	}
	return check_limits(k, text, v->num, why);
}

static int
check_choice(const struct conf_key *k, const char *text, struct buf *why)
{
	const char *s = k->choices;
	size_t len;

	for (;;) {
		len = strcspn(s, "|");
		if (strlen(text) == len && strncmp(s, text, len) == 0)
			return 0;
		if (s[len] == '\0')
			break;
		s += len + 1;
	}
	buf_setf(why, "%s = %s is not one of %s", k->name, text, k->choices);
	return -1;
}

static void
to_words(struct conf_value *v, const char *text)
{
	static const char blanks[] = ", \t";
	size_t n = 0, cap = 0, len;

	for (;;) {
		text += strspn(text, blanks);
		len = strcspn(text, blanks);
		XGROW(v->words, n, cap);
		if (len == 0)
			break;
		v->words[n++] = xstrndup(text, len);
		text += len;
	}
	v->words[n] = NULL;
}

static int
convert(struct conf_value *v, const struct conf_key *k, const char *text,
    struct buf *why)
{
	switch (k->type) {
	case CONF_INT:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_BOOL:
		return to_number(v, k, text, why);
	case CONF_CHOICE:
		return check_choice(k, text, why);
	case CONF_LIST:
		to_words(v, text);
		return 0;
	case CONF_TEXT:
	case CONF_PATH:
	case CONF_NAME_OR_PATH:
	case CONF_SECRET:
		return 0;
	}
	return -1;
}

/* Wipes and frees the value, as if it had never been set. */
static void
conf_value_release(struct conf_value *v)
{
	size_t i;

	secret_free(v->text);
	for (i = 0; v->words != NULL && v->words[i] != NULL; i++)
		free(v->words[i]);
	free(v->words);
	memset(v, 0, sizeof *v);
}

int
conf_value_set(struct conf_value *v, const struct conf_key *k, const char *text,
    struct buf *why)
{
	struct conf_value new = { 0 };

	if (*text == '\0' && k->type != CONF_LIST) {
		buf_setf(why, "'%s' has no value", k->name);
		return -1;
	}
	if (convert(&new, k, text, why) != 0)
		return -1;
	new.text = xstrdup(text);
	conf_value_release(v);
	*v = new;
	return 0;
}

/* Returns the value of the row's variable, owned, or NULL. Removes a secret
 * from the environment. */
static char *
take_env(const struct conf_key *k)
{
	const char *value;

	if (k->env == NULL)
		return NULL;
	if (k->type == CONF_SECRET)
		return secret_from_env(k->env);
	value = getenv(k->env);
	return value != NULL && *value != '\0' ? xstrdup(value) : NULL;
}

/* A secret may also be given as NAME_file. Returns the row for the other form
 * of this row's secret, or conf_keys_n if there is none. */
static size_t
other_way(size_t at)
{
	static const char suffix[] = "_file";
	const struct conf_key *k = &conf_keys[at];
	size_t len = strlen(k->name), tail = sizeof suffix - 1, secret, other;
	char *name;

	if (k->type == CONF_SECRET)
		name = xasprintf("%s%s", k->name, suffix);
	else if (len > tail && strcmp(k->name + len - tail, suffix) == 0)
		name = xstrndup(k->name, len - tail);
	else
		return conf_keys_n;
	other = conf_key_at(k->section, name);
	free(name);
	secret = k->type == CONF_SECRET ? at : other;
	return secret < conf_keys_n && conf_keys[secret].type == CONF_SECRET
		   ? other
		   : conf_keys_n;
}

/* Sets a value from the environment or a flag. This also replaces the other
 * form of a secret. */
static int
override(struct conf_section *s, size_t at, const char *text, struct buf *why)
{
	size_t other = other_way(at);

	if (conf_value_set(&s->values[at], &conf_keys[at], text, why) != 0)
		return -1;
	if (other < conf_keys_n)
		conf_value_release(&s->values[other]);
	return 0;
}

/* Finds or creates the tenant to which CRM_URL and the other CRM_* variables
 * apply. If there are several tenants, CRM_TENANT must name it: a guess might
 * send one company's token to another company's host. */
static struct conf_section *
env_tenant(struct conf *c, const char *env, struct buf *why)
{
	const char *name = getenv("CRM_TENANT");
	size_t n = conf_tenants(c);
	struct conf_section *s;
	char *section;

	if (name == NULL || *name == '\0') {
		if (n > 1) {
			buf_setf(why,
			    "%s is set, but %zu tenants are configured; set "
			    "CRM_TENANT to one of them",
			    env, n);
			return NULL;
		}
		name = n == 1 ? conf_tenant(c, 0) : "default";
	}
	if (!parse_is_name(name, CONF_TENANT_MAX)) {
		buf_setf(why,
		    "CRM_TENANT is not a name of up to %d letters, "
		    "digits, '_', '.', '-'",
		    CONF_TENANT_MAX);
		return NULL;
	}
	section = xasprintf("crm %s", name);
	s = conf_section_find(c, section);
	free(section);
	return s != NULL ? s : conf_section_add(c, "crm", name);
}

static int
load_env_key(struct conf *c, size_t at, const char *text, struct buf *why)
{
	const struct conf_key *k = &conf_keys[at];
	struct buf reason = BUF_INIT;
	struct conf_section *s;
	int rc = -1;

	s = strcmp(k->section, "crm") != 0 ? conf_section_find(c, k->section)
					   : env_tenant(c, k->env, why);
	if (s != NULL) {
		rc = override(s, at, text, &reason);
		if (rc != 0)
			buf_setf(why, "%s in the environment: %s", k->env,
			    buf_str(&reason));
	}
	buf_release(&reason);
	return rc;
}

/* Reads all variables first, so that each secret leaves the environment even if
 * another variable is wrong. */
static int
load_env(struct conf *c, struct buf *why)
{
	char **values = xcalloc(conf_keys_n, sizeof *values);
	size_t token = conf_key_at("crm", "token");
	size_t token_file = conf_key_at("crm", "token_file");
	size_t profile = conf_key_at("crm", "profile");
	size_t i;
	bool alone;
	int rc = 0;

	for (i = 0; i < conf_keys_n; i++)
		values[i] = take_env(&conf_keys[i]);
	if (values[token] != NULL && values[token_file] != NULL) {
		buf_setf(why, "both CRM_TOKEN and CRM_TOKEN_FILE are set; "
			      "unset one");
		rc = -1;
	}
	for (i = 0; i < conf_keys_n; i++) {
		/* A profile alone does not define a tenant. */
		alone = i == profile && conf_tenants(c) == 0;
		if (values[i] != NULL && rc == 0 && !alone)
			rc = load_env_key(c, i, values[i], why);
		secret_free(values[i]);
	}
	free(values);
	return rc;
}

static void
apply_defaults(struct conf_section *s)
{
	const struct conf_key *k;
	struct buf why = BUF_INIT;
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		k = &conf_keys[i];
		if (strcmp(k->section, s->kind) != 0 || k->def == NULL ||
		    s->values[i].text != NULL)
			continue;
		if (conf_value_set(&s->values[i], k, k->def, &why) != 0)
			prog_die(PROG_SOFTWARE, "default of [%s] %s: %s",
			    k->section, k->name, buf_str(&why));
	}
	buf_release(&why);
}

/* Reads the folder of tenants, if [poller] tenants is set. */
static int
load_tenants(struct conf *c, struct buf *why)
{
	const char *dir = conf_text(c, "poller", "tenants");

	return dir != NULL ? conf_file_load_tenants(c, dir, why) : 0;
}

struct conf *
conf_load(const char *path, struct buf *why)
{
	struct conf *c = xcalloc(1, sizeof *c);
	size_t i;
	int err;

	for (i = 0; i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].section, "crm") != 0 &&
		    conf_section_find(c, conf_keys[i].section) == NULL)
			conf_section_add(c, conf_keys[i].section, NULL);
	}
	if (conf_file_load(c, path, why) != 0 || load_tenants(c, why) != 0 ||
	    load_env(c, why) != 0) {
		err = c->error;
		conf_free(c);
		errno = err;
		return NULL;
	}
	for (i = 0; i < c->n; i++)
		apply_defaults(&c->sections[i]);
	return c;
}

void
conf_free(struct conf *c)
{
	struct conf_section *s;
	size_t i, j;

	if (c == NULL)
		return;
	for (i = 0; i < c->n; i++) {
		s = &c->sections[i];
		for (j = 0; j < conf_keys_n; j++)
			conf_value_release(&s->values[j]);
		free(s->values);
		free(s->error);
		free(s->name);
	}
	free(c->sections);
	free(c->path);
	free(c);
}

int
conf_set(struct conf *c, const char *section, const char *name,
    const char *value, struct buf *why)
{
	struct conf_section *s = conf_section_find(c, section);
	size_t at = s != NULL ? conf_key_at(s->kind, name) : conf_keys_n;

	if (at == conf_keys_n)
		prog_die(PROG_SOFTWARE, "no key [%s] %s", section, name);
	return override(s, at, value, why);
}

static const struct conf_value *
value_of(const struct conf *c, const char *section, const char *name)
{
	const struct conf_section *s = conf_section_find(c, section);
	size_t at = s != NULL ? conf_key_at(s->kind, name) : conf_keys_n;

	if (at == conf_keys_n)
		prog_die(PROG_SOFTWARE, "no key [%s] %s", section, name);
	return &s->values[at];
}

const char *
conf_text(const struct conf *c, const char *section, const char *name)
{
	return value_of(c, section, name)->text;
}

char *
conf_secret(const struct conf *c, const char *section, const char *name,
    struct buf *why)
{
	char *in_file = xasprintf("%s_file", name);
	const char *file = conf_text(c, section, in_file);

	free(in_file);
	return secret_choose(
	    section, name, conf_text(c, section, name), file, why);
}

int64_t
conf_int(const struct conf *c, const char *section, const char *name)
{
	return value_of(c, section, name)->num;
}

bool
conf_bool(const struct conf *c, const char *section, const char *name)
{
	return value_of(c, section, name)->num != 0;
}

char *const *
conf_list(const struct conf *c, const char *section, const char *name)
{
	static char *const none[] = { NULL };
	const struct conf_value *v = value_of(c, section, name);

	return v->words != NULL ? v->words : none;
}

size_t
conf_tenants(const struct conf *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->n; i++)
		n += conf_is_tenant(&c->sections[i]);
	return n;
}

static const struct conf_section *
tenant_at(const struct conf *c, size_t i)
{
	size_t j;

	for (j = 0; j < c->n; j++) {
		if (conf_is_tenant(&c->sections[j]) && i-- == 0)
			return &c->sections[j];
	}
	prog_die(PROG_SOFTWARE, "there are fewer tenants");
}

const char *
conf_tenant(const struct conf *c, size_t i)
{
	return tenant_at(c, i)->name + strlen("crm ");
}

const char *
conf_tenant_error(const struct conf *c, size_t i)
{
	return tenant_at(c, i)->error;
}

bool
conf_has_tenant(const struct conf *c, const char *name)
{
	char *section = xasprintf("crm %s", name);
	bool has = conf_section_find(c, section) != NULL;

	free(section);
	return has;
}
