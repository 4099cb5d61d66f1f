/*
 * tenant: see tenant.h.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include "poller/crm/tenant.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "common/os/file.h"

/* Sets the header lines of each request to host i, including its token, which
 * comes from `source`. */
static enum exit_code
set_headers(struct tenant *t, size_t i, const char *token, const char *source,
    struct buf *why)
{
	const struct profile_host *h = &profile_about(t->profile)->hosts[i];
	size_t n = 0, k;
	const char *name;
	char **lines;
	json_t *v;
	bool good = true;

	if (!text_is_printable(token, strlen(token))) {
		buf_setf(why,
		    "%s has control characters; it must be one line of text",
		    source);
		return PROG_CONFIG;
	}
	lines = xcalloc(json_object_size(h->headers) + 3, sizeof *lines);
	json_object_foreach (h->headers, name, v)
		lines[n++] = xasprintf("%s: %s", name, json_string_value(v));
	for (k = 0; k < n; k++)
		good = good && text_is_printable(lines[k], strlen(lines[k]));
	lines[n] = xasprintf("%s: %s%s",
	    h->auth_header != NULL ? h->auth_header : "Authorization",
	    h->auth_prefix != NULL ? h->auth_prefix : "", token);
	lines[n + 1] = xstrdup("Accept: application/json");
	if (good) {
		t->hosts[i].headers =
		    http_headers_new((const char *const *)lines);
		t->hosts[i].token = xstrdup(token);
	} else {
		buf_setf(
		    why, "account of [%s] has control characters", t->section);
	}
	secret_free(lines[n]);
	free(lines[n + 1]);
	for (k = 0; k < n; k++)
		free(lines[k]);
	free(lines);
	return good ? PROG_OK : PROG_CONFIG;
}

static enum exit_code
set_token(struct tenant *t, const struct conf *c, struct buf *why)
{
	const struct profile_about *about = profile_about(t->profile);
	const char *file = conf_text(c, t->section, "token_file");
	char *token = conf_secret(c, t->section, "token", why);
	enum exit_code code = PROG_OK;
	size_t i;

	if (token == NULL && why->len == 0)
		buf_setf(why,
		    "[%s] has no token; set token_file to a file with the "
		    "token, or set CRM_TOKEN",
		    t->section);
	if (token == NULL)
		return PROG_CONFIG;
	if (file != NULL)
		t->token_source = xasprintf("token_file '%s'", file);
	else
		t->token_source =
		    xasprintf("the token of [%s] (or CRM_TOKEN)", t->section);
	for (i = 0; i < t->hosts_n && code == PROG_OK; i++)
		if (!about->hosts[i].for_admin)
			code = set_headers(t, i, token, t->token_source, why);
	secret_free(token);
	return code;
}

/* Owned; NULL and *why if it is missing. */
static char *
admin_token(struct tenant *t, const struct conf *c, struct buf *why)
{
	char *secret = conf_secret(c, t->section, "admin_token", why);

	if (secret == NULL && why->len == 0)
		buf_setf(why,
		    "[%s] has no admin_token, which its CRM needs to register "
		    "webhooks; set admin_token_file",
		    t->section);
	return secret;
}

enum exit_code
tenant_admit(struct tenant *t, const struct conf *c, struct buf *why)
{
	const struct profile_about *about = profile_about(t->profile);
	enum exit_code code = PROG_OK;
	char *token;
	size_t i;

	for (i = 0; i < t->hosts_n && code == PROG_OK; i++) {
		if (!about->hosts[i].for_admin)
			continue;
		if (t->admin_source == NULL)
			t->admin_source =
			    xasprintf("the admin_token of [%s]", t->section);
		token = admin_token(t, c, why);
		code = token != NULL
			   ? set_headers(t, i, token, t->admin_source, why)
			   : PROG_CONFIG;
		secret_free(token);
	}
	return code;
}

/* Checks the URL of host i and sets it. what: its configuration key, for
 * messages. */
static enum exit_code
set_host(struct tenant *t, size_t i, const struct conf *c, const char *what,
    const char *url, struct buf *why)
{
	struct buf reason = BUF_INIT;
	size_t len = strlen(url);
	int rc = http_check_base(
	    url, conf_bool(c, t->section, "plaintext"), &reason);

	if (rc != 0)
		buf_setf(
		    why, "%s of [%s] %s", what, t->section, buf_str(&reason));
	buf_release(&reason);
	while (len > 0 && url[len - 1] == '/')
		len--;
	t->hosts[i].base = xstrndup(url, len);
	return rc == 0 ? PROG_OK : PROG_CONFIG;
}

static enum exit_code
set_base(struct tenant *t, const struct conf *c, struct buf *why)
{
	const struct profile_about *about = profile_about(t->profile);
	const char *url = conf_text(c, t->section, "url");
	enum exit_code code;

	t->hosts_n = about->hosts_n;
	t->hosts = xcalloc(t->hosts_n, sizeof *t->hosts);
	if (about->needs_account) {
		buf_setf(why,
		    "[%s] has no account, but its profile needs one; set "
		    "account or CRM_ACCOUNT",
		    t->section);
		return PROG_CONFIG;
	}
	if (url == NULL)
		url = about->hosts[0].url;
	if (url == NULL) {
		buf_setf(why,
		    "[%s] has no url, and its profile has no default; set url "
		    "or CRM_URL",
		    t->section);
		return PROG_CONFIG;
	}
	code = set_host(t, 0, c, "url", url, why);
	t->base = t->hosts[0].base;
	return code;
}

/* Returns the address after NAME= in [crm] hosts, or NULL. */
static const char *
find_word(char *const *words, const char *name)
{
	size_t n = strlen(name);

	for (; *words != NULL; words++) {
		if (strncmp(*words, name, n) == 0 && (*words)[n] == '=')
			return *words + n + 1;
	}
	return NULL;
}

/* Sets hosts other than the CRM itself: the profile names them, [crm] hosts may
 * set their URLs. */
static enum exit_code
set_others(struct tenant *t, const struct conf *c, struct buf *why)
{
	const struct profile_about *about = profile_about(t->profile);
	static char *const none[] = { NULL };
	char *const *words = conf_list(c, t->section, "hosts");
	size_t i, given = 0;

	if (words == NULL)
		words = none;
	for (i = 1; i < t->hosts_n; i++) {
		const char *name = about->hosts[i].name;
		const char *url = find_word(words, name);
		char *what = xasprintf("hosts: %s", name);
		enum exit_code code;

		given += url != NULL;
		if (url == NULL)
			url = about->hosts[i].url;
		if (url == NULL && about->hosts[i].for_admin)
			url = t->base;
		code = set_host(t, i, c, what, url != NULL ? url : "", why);
		free(what);
		if (code != PROG_OK)
			return code;
	}
	for (i = 0; words[i] != NULL; i++)
		given -= 1;
	if (given == 0)
		return PROG_OK;
	buf_setf(why,
	    "hosts of [%s] must be NAME=URL, with names from its profile; see "
	    "messaging-profile(5)",
	    t->section);
	return PROG_CONFIG;
}

static void
set_limits(struct tenant *t, const struct conf *c)
{
	t->limits.timeout_ms = conf_int(c, t->section, "timeout");
	t->limits.max_body = (size_t)conf_int(c, t->section, "max_body");
	t->limits.ca_file = conf_text(c, t->section, "ca_file");
	t->concurrency = (size_t)conf_int(c, t->section, "concurrency");
	t->operators_every_ms = conf_int(c, t->section, "operators_every");
	t->budget = conf_int(c, t->section, "budget");
	t->retry_budget_ms = conf_int(c, "poller", "retry_budget");
}

const char *
tenant_profile(const struct conf *c, const char *section)
{
	const char *name = conf_text(c, section, "profile");

	return name != NULL ? name : "chat2desk";
}

/* A token without a profile and an address may be for any CRM, and must not be
 * sent to that of the default profile. */
static enum exit_code
check_crm_is_named(
    const struct tenant *t, const struct conf *c, struct buf *why)
{
	if (conf_text(c, t->section, "profile") != NULL ||
	    conf_text(c, t->section, "url") != NULL)
		return PROG_OK;
	buf_setf(why,
	    "[%s] has no profile, so no CRM is asked; set profile, url and "
	    "token_file, or CRM_PROFILE (chat2desk, chatwoot or qiscus), "
	    "CRM_URL and CRM_TOKEN_FILE",
	    t->section);
	return PROG_CONFIG;
}

struct profile_options
tenant_profile_options(
    const struct conf *c, const char *name, const char *section, bool with_text)
{
	return (struct profile_options){ .tenant = name,
		.account = conf_text(c, section, "account"),
		.customers = conf_bool(c, section, "customers"),
		.customer_phone = conf_bool(c, section, "customer_phone"),
		.with_text = with_text,
		.assign = conf_bool(c, section, "assign"),
		.polled = conf_text(c, section, "token") != NULL ||
			  conf_text(c, section, "token_file") != NULL,
		.history_all =
		    strcmp(conf_text(c, section, "history"), "all") == 0,
		.bot_operators = conf_list(c, section, "bot_operators"),
		.need = conf_list(c, section, "need") };
}

/* Otherwise only the first call would detect this, and it would look like an
 * error in the CRM. */
static enum exit_code
check_ca_file(const struct tenant *t, struct buf *why)
{
	const char *file = t->limits.ca_file;

	if (file == NULL || file_readable(file) == 0)
		return PROG_OK;
	return syserr_explain(why, PROG_CONFIG,
	    "cannot read ca_file '%s' of [%s]", file, t->section);
}

enum exit_code
tenant_open(struct tenant *t, const struct conf *c, const char *name,
    bool with_text, struct buf *why)
{
	enum exit_code code;

	*t = (struct tenant){ .name = name };
	t->section = xasprintf("crm %s", name);
	t->opt = tenant_profile_options(c, name, t->section, with_text);
	t->opt.shared = true; /* tenants are polled in one thread */
	t->customers = t->opt.customers || t->opt.customer_phone;
	t->metrics = conf_text(c, "metrics", "folder");
	set_limits(t, c);
	code = check_crm_is_named(t, c, why);
	if (code != PROG_OK)
		return code;
	t->profile = profile_open(tenant_profile(c, t->section), &t->opt, why);
	if (t->profile == NULL)
		return PROG_CONFIG;
	if (t->opt.need != NULL && *t->opt.need != NULL &&
	    !profile_about(t->profile)->needs) {
		buf_setf(why,
		    "need of [%s]: the profile has no operator tags; remove "
		    "need",
		    t->section);
		return PROG_CONFIG;
	}
	/* Chats assigned to an unknown operator would be missing from all
	 * lists. */
	if (profile_about(t->profile)->by_operator)
		t->operators_every_ms = 0;
	code = set_base(t, c, why);
	if (code == PROG_OK)
		code = set_others(t, c, why);
	if (code == PROG_OK)
		code = check_ca_file(t, why);
	return code == PROG_OK ? set_token(t, c, why) : code;
}

void
tenant_release(struct tenant *t)
{
	size_t i;

	for (i = 0; i < t->hosts_n; i++) {
		http_headers_free(t->hosts[i].headers);
		secret_free(t->hosts[i].token);
		free(t->hosts[i].base);
	}
	free(t->hosts);
	profile_close(t->profile);
	free(t->section);
	free(t->token_source);
	free(t->admin_source);
	*t = (struct tenant){ .name = NULL };
}

void
tenant_conceal(const struct tenant *t, struct buf *text)
{
	size_t i;

	for (i = 0; i < t->hosts_n; i++)
		secret_conceal(text, t->hosts[i].token);
}

const struct tenant_host *
tenant_host(const struct tenant *t, const char *name)
{
	const struct profile_about *about = profile_about(t->profile);
	size_t i;

	for (i = 1; name != NULL && i < t->hosts_n; i++) {
		if (strcmp(about->hosts[i].name, name) == 0)
			return &t->hosts[i];
	}
	return name == NULL ? &t->hosts[0] : NULL;
}
