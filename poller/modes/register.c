/*
 * register: poller --register, --registered and --unregister, for all selected
 * tenants one after the other: lists, adds and removes a tenant's webhooks
 * through its CRM's API; then shows those that each CRM has.
 *
 * A request that changes something is never repeated if no answer arrived,
 * because it may have been received. Running the command again is harmless: an
 * existing webhook is updated, not added twice.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "common/json/jsonw.h"
#include "common/os/file.h"
#include "common/os/stop.h"
#include "poller/crm/fetch.h"
#include "poller/intake/hook.h"
#include "poller/modes/modes.h"

enum webhook_action { REGISTER, UNREGISTER, SHOW };

/* The run. */
struct registration {
	struct poller *poller;
	enum webhook_action action;
	char *base;        /* the listener's public address, or NULL */
	struct http *http; /* NULL: only check */
	struct buf shown;  /* a record for each webhook */
};

/* One tenant. */
struct registry {
	const struct registration *run;
	const struct tenant *tenant;
	char *path, *secret; /* from hook_path(); NULL if it is off */
	char *url;           /* base, path and secret; NULL if there is no
			      * base */
	json_t *there;       /* the webhooks that the CRM has */
	/* The answer to the current question. */
	json_t *hooks; /* webhooks in the answer are added here */
	enum exit_code code;
	struct buf *why; /* half a sentence, unless PROG_OK */
};

/* Returns a text of a webhook as the profile returned it; NULL if it is absent
 * or empty. */
static const char *
text_of(const json_t *hook, const char *key)
{
	const char *s = json_string_value(json_object_get(hook, key));

	return s != NULL && *s != '\0' ? s : NULL;
}

/* Returns the end of the tenant's path in an address, where the secret follows;
 * NULL if it is not the tenant's. */
static const char *
find_hook_path(const struct registry *r, const char *url)
{
	const char *at = r->path != NULL ? strstr(url, r->path) : NULL;

	if (at == NULL)
		return NULL;
	at += strlen(r->path);
	return *at == '\0' || *at == '/' ? at : NULL;
}

/* True if the address begins with the base; case does not matter in scheme and
 * host. */
static bool
begins_with_base(const char *url, const char *base)
{
	const char *host = strstr(base, "://");
	size_t len = strlen(base), origin = 0;

	if (host != NULL)
		origin = (size_t)(host + 3 - base) + strcspn(host + 3, "/");
	return strncasecmp(url, base, origin) == 0 &&
	       strncmp(url + origin, base + origin, len - origin) == 0;
}

/* True for our address, with any secret. */
static bool
is_our_webhook(const struct registry *r, const json_t *hook)
{
	const char *end, *base = r->run->base, *url = text_of(hook, "url");

	if (url == NULL || !begins_with_base(url, base))
		return false;
	end = find_hook_path(r, url);
	return end != NULL &&
	       (size_t)(end - url) == strlen(base) + strlen(r->path);
}

/* Appends an address for people: our address without its secret, but only the
 * host of any other address. */
static void
add_url(const struct registry *r, const char *url, struct buf *out)
{
	const char *end = find_hook_path(r, url), *host = strstr(url, "://");

	if (end != NULL) {
		buf_add(out, url, (size_t)(end - url));
		if (*end != '\0')
			buf_addf(out, "%c***", *end);
		return;
	}
	host = host != NULL ? host + 3 : url;
	buf_add(out, url, (size_t)(host - url) + strcspn(host, "/?#@"));
	buf_adds(out, "/***");
}

/* ---- questions to the CRM ---- */

static void
hooks_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct registry *r = ctx;

	(void)asked_ms;
	(void)json_array_extend(r->hooks, a->hooks);
}

static void
hooks_end(void *ctx, const struct ending *e)
{
	struct registry *r = ctx;
	struct buf way = BUF_INIT;

	r->code = failure_code(e->error, FAILURE_TENANT);
	if (e->error == ERROR_CLASS_NONE)
		return;
	if (e->error == ERROR_CLASS_DENIED && r->tenant->admin_source != NULL)
		buf_setf(&way, "check %s, which may have expired",
		    r->tenant->admin_source);
	else
		failure_way_out(r->tenant, e->error, &way);
	buf_setf(r->why, "%s%s; %s", e->message,
	    e->maybe ? "; the CRM may have carried it out anyway" : "",
	    buf_str(&way));
	buf_release(&way);
}

/* Asks the question and waits for its end. hook: the webhook that it is about,
 * NULL if the CRM has none yet. out: a list, to which webhooks are added. */
static enum exit_code
ask(struct registry *r, enum profile_call call, const json_t *hook, json_t *out)
{
	bool remove = call == PROFILE_HOOK_REMOVE;
	const char *url = remove ? text_of(hook, "url") : r->url;
	struct skew skew = { .known = false };
	struct fetch *f = fetch_new(r->run->http, r->tenant, &skew);
	struct crm_question q = { .call = call,
		.with = json_pack("{s:{s:O?, s:s?}}", "hook", "id",
		    json_object_get(hook, "id"), "url", url),
		.changes = call != PROFILE_HOOKS,
		.tries = 1,
		.at_once = true,
		.ctx = r,
		.page = hooks_page,
		.end = hooks_end };
	const char *end = url != NULL ? find_hook_path(r, url) : NULL;

	r->hooks = out;
	r->code = PROG_TEMPFAIL;
	buf_setf(r->why, "asked to stop");
	fetch_ask(f, &q);
	while (fetch_turn(r->run->http, &f, 1, INT64_MAX) > 0 && !stop_asked())
		;
	if (r->code == PROG_OK && q.changes && fetch_calls(f)[call] == 0) {
		r->code = PROG_UNAVAILABLE;
		buf_setf(r->why, "the CRM has no API for this");
	}
	/* The CRM may quote the address with its secret. */
	if (end != NULL && *end != '\0')
		secret_conceal(r->why, end + 1);
	fetch_free(f);
	return r->code;
}

/* ---- the work for one tenant ---- */

/* Webhooks contain a secret: no plain HTTP to another machine. */
static enum exit_code
check_base(const struct registry *r)
{
	bool plaintext = conf_bool(
	    r->run->poller->common.conf, r->tenant->section, "plaintext");
	struct buf reason = BUF_INIT;
	bool ok = http_check_base(r->run->base, plaintext, &reason) == 0;

	if (!ok)
		buf_setf(r->why, "the listener's address %s", buf_str(&reason));
	buf_release(&reason);
	return ok ? PROG_OK : PROG_USAGE;
}

/* Finds the tenant's address. */
static enum exit_code
open_registry(struct registry *r)
{
	const char *base = r->run->base;

	r->path = hook_path(
	    r->run->poller->common.conf, r->tenant->name, &r->secret, r->why);
	if (r->path == NULL && base != NULL)
		return PROG_CONFIG;
	buf_clear(r->why);
	if (base != NULL)
		r->url = xasprintf("%s%s%s%s", base, r->path,
		    r->secret != NULL ? "/" : "",
		    r->secret != NULL ? r->secret : "");
	return PROG_OK;
}

/* Sets *file to the file for the signing key if the CRM generates one,
 * otherwise NULL. Called before anything is changed in the CRM. */
static enum exit_code
find_key_file(const struct registry *r, const char **file)
{
	const char *section = r->tenant->section;
	const struct profile_hooks *spec =
	    profile_about(r->tenant->profile)->hooks;
	bool made_up = spec != NULL && r->secret == NULL && !spec->key_is_token;

	*file = NULL;
	if (!made_up)
		return PROG_OK;
	*file =
	    conf_text(r->run->poller->common.conf, section, "hook_secret_file");
	if (*file != NULL)
		return PROG_OK;
	buf_setf(r->why,
	    "the CRM creates the signing key; set hook_secret_file in [%s] to "
	    "a file to write it to",
	    section);
	return PROG_CONFIG;
}

static enum exit_code
keep_key(const struct registry *r, const json_t *answer, const char *file)
{
	const char *key = NULL;
	enum exit_code code;
	size_t i;
	char *line;

	for (i = 0; i < json_array_size(answer) && key == NULL; i++)
		key = text_of(json_array_get(answer, i), "secret");
	if (key == NULL) {
		buf_setf(r->why,
		    "the webhook is registered, but the CRM returned no "
		    "signing key; if the CRM is an older version, set hook = "
		    "secret in [%s]",
		    r->tenant->section);
		return PROG_UNAVAILABLE;
	}
	line = xasprintf("%s\n", key);
	code = file_replace(file, 0600, line, strlen(line), r->why);
	secret_free(line);
	return code == PROG_OK ? PROG_OK : PROG_CANTCREATE;
}

/* Registers the tenant's address, or updates its webhook. */
static enum exit_code
add_webhook(struct registry *r)
{
	json_t *answer = json_array(), *hook, *known = NULL;
	const char *file;
	enum exit_code code = find_key_file(r, &file);
	size_t i;

	json_array_foreach (r->there, i, hook)
		if (known == NULL && is_our_webhook(r, hook))
			known = hook;
	if (code == PROG_OK)
		code = ask(r, PROFILE_HOOK_ADD, known, answer);
	if (code == PROG_OK && file != NULL)
		code = keep_key(r, answer, file);
	if (code == PROG_OK)
		log_info("registered", "tenant=%s", r->tenant->name);
	json_decref(answer);
	return code;
}

/* Removes all webhooks of the tenant at this address. */
static enum exit_code
remove_webhooks(struct registry *r)
{
	json_t *answer = json_array(), *hook;
	enum exit_code code = PROG_OK;
	size_t i, n = 0;

	json_array_foreach (r->there, i, hook) {
		if (code != PROG_OK || !is_our_webhook(r, hook))
			continue;
		code = ask(r, PROFILE_HOOK_REMOVE, hook, answer);
		n++;
	}
	if (code == PROG_OK && n == 0)
		log_warn("tenant %s: no webhook is registered with '%s'",
		    r->tenant->name, r->run->base);
	json_decref(answer);
	return code;
}

/* "inbox, outbox" */
static void
join_texts(const json_t *list, struct buf *out)
{
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (json_is_string(v))
			buf_addf(out, "%s%s", out->len > 0 ? ", " : "",
			    json_string_value(v));
}

static void
show_webhook(
    struct registration *s, const struct registry *r, const json_t *hook)
{
	bool active = !json_is_false(json_object_get(hook, "active"));
	struct buf *to = &s->shown, url = BUF_INIT, events = BUF_INIT;

	if (text_of(hook, "url") != NULL)
		add_url(r, text_of(hook, "url"), &url);
	join_texts(json_object_get(hook, "events"), &events);
	jsonw_open_record(to, "webhook", r->tenant->name);
	jsonw_str(to, "url", buf_str(&url));
	jsonw_str(to, "events", buf_str(&events));
	jsonw_bool(to, "active", active);
	jsonw_line(to);
	buf_release(&url);
	buf_release(&events);
}

/* Lists the webhooks, changes them, and shows the result. */
static enum exit_code
work_on(struct registration *s, struct registry *r)
{
	enum exit_code code = open_registry(r);
	const char *file;
	json_t *hook;
	size_t i;

	if (s->http == NULL)
		return code == PROG_OK && s->action == REGISTER
			   ? find_key_file(r, &file)
			   : code;
	if (code == PROG_OK)
		code = ask(r, PROFILE_HOOKS, NULL, r->there);
	if (code == PROG_OK && s->action != SHOW) {
		code =
		    s->action == REGISTER ? add_webhook(r) : remove_webhooks(r);
		(void)json_array_clear(r->there);
		if (code == PROG_OK)
			code = ask(r, PROFILE_HOOKS, NULL, r->there);
	}
	json_array_foreach (r->there, i, hook)
		if (code == PROG_OK)
			show_webhook(s, r, hook);
	if (code == PROG_OK && s->action == SHOW &&
	    json_array_size(r->there) == 0)
		log_warn(
		    "tenant %s: no webhook is registered", r->tenant->name);
	return code;
}

static void
register_tenant(struct registration *s, struct tenant *t)
{
	struct buf why = BUF_INIT;
	struct registry r = {
		.run = s, .tenant = t, .there = json_array(), .why = &why
	};
	enum exit_code code = tenant_admit(t, s->poller->common.conf, &why);

	if (code == PROG_OK && s->action != SHOW)
		code = check_base(&r);
	if (code == PROG_OK && (s->http != NULL || s->action != SHOW))
		code = work_on(s, &r);
	if (code != PROG_OK) {
		poller_failed(s->poller, code);
		log_error("webhooks of tenant %s: %s", t->name, buf_str(&why));
	}
	json_decref(r.there);
	secret_free(r.secret);
	secret_free(r.url);
	free(r.path);
	buf_release(&why);
}

/* ---- the modes ---- */

static enum exit_code
register_all(struct poller *p, enum webhook_action action)
{
	static const struct output_column columns[] = {
		{ "tenant", OUTPUT_TEXT },
		{ "url", OUTPUT_TEXT },
		{ "events", OUTPUT_TEXT },
		{ "active", OUTPUT_TEXT },
	};
	struct registration s = { .poller = p,
		.action = action,
		.base = p->hook_url != NULL ? xstrdup(p->hook_url) : NULL };
	bool opened = poller_open(p, false);
	size_t i, len = s.base != NULL ? strlen(s.base) : 0;

	while (len > 0 && s.base[len - 1] == '/')
		s.base[--len] = '\0';
	if (opened)
		s.http = http_new();
	for (i = 0; (opened || p->common.only_check) && i < p->tenants_n &&
		    !stop_asked();
	     i++)
		register_tenant(&s, &p->tenants[i]);
	if (opened && p->tenants_n > 0)
		poller_print(p, columns, ARRAY_LEN(columns), &s.shown);
	http_free(s.http);
	buf_release(&s.shown);
	free(s.base);
	return p->code;
}

static enum exit_code
run_register(void *options)
{
	return register_all(options, REGISTER);
}

static enum exit_code
run_unregister(void *options)
{
	return register_all(options, UNREGISTER);
}

static enum exit_code
run_registered(void *options)
{
	return register_all(options, SHOW);
}

static const struct option_row rows[] = {
	OPTION_FORMAT(struct poller, format),
	POLLER_TENANT,
};

const struct option_mode poller_mode_register = {
	.choice = OPTION_TEXT(0, "register", "URL", struct poller, hook_url,
	    "register the listener's webhooks with the CRMs"),
	.about = "Registers each tenant's webhooks with its CRM. URL is the "
		 "address of the\nlistener, as seen from the CRM.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_register,
};

const struct option_mode poller_mode_registered = {
	.choice =
	    OPTION_MODE("registered", "show the webhooks that the CRMs have"),
	.about =
	    "Shows the webhooks that the CRMs have, without their secrets.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_registered,
};

const struct option_mode poller_mode_unregister = {
	.choice = OPTION_TEXT(0, "unregister", "URL", struct poller, hook_url,
	    "remove the webhooks with this URL"),
	.about = "Removes the tenants' webhooks with this URL.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_unregister,
};
