/*
 * register: see register.h. A request that changes something is never sent
 * again when no answer came, as it may have arrived. To run the command again
 * is harmless: an existing webhook is updated, not added twice.
 */
#include "poller/hooks/register.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "common/conf/url.h"
#include "common/os/file.h"
#include "common/os/stop.h"
#include "poller/client/failure.h"
#include "poller/hooks/hook.h"
#include "poller/profile/profile_hook.h"

#define PAGES_MAX 100
#define WAIT_MS 250

/* Sends it and waits; NULL: asked to stop. */
static struct http_answer *
send_request(struct registry *r, const struct profile_request *request,
    const struct tenant_host *host, bool once)
{
	char *url = xasprintf("%s%s", host->base, request->target);
	size_t in_flight = 0;
	const struct http_request q = { .url = url,
		.method = request->method,
		.body = request->body,
		.body_len = request->body_len,
		.type = request->type,
		.once = once,
		.headers = host->headers,
		.limits = &r->tenant->limits,
		.in_flight = &in_flight };
	struct http_answer *a = NULL;

	http_start(r->http, &q);
	while (a == NULL && !stop_asked()) {
		http_wait(r->http, WAIT_MS);
		a = http_next(r->http);
	}
	if (a == NULL)
		http_cancel(r->http, &in_flight);
	free(url);
	return a;
}

/* The answer to one request; NULL: asked to stop. */
static enum error_class
read_page(struct registry *r, enum webhooks_call call,
    struct webhooks_input *in, const struct http_answer *a,
    struct webhooks *out, struct buf *why)
{
	struct buf reason = BUF_INIT;
	struct value *answer;
	enum error_class f;
	bool repaired = false;

	if (a == NULL) {
		buf_setf(why, "asked to stop");
		return ERROR_CLASS_LATER;
	}
	if (a->outcome != HTTP_ANSWERED) {
		buf_setf(why, "%s%s", buf_str(&a->reason),
		    call != WEBHOOKS_LIST && !a->not_sent
			? "; it may have arrived all the same"
			: "");
		return a->outcome == HTTP_LATER ? ERROR_CLASS_LATER
						: ERROR_CLASS_UNUSABLE;
	}
	answer =
	    value_parse(buf_str(&a->body), a->body.len, &repaired, &reason);
	in->answer = answer;
	in->status = a->status;
	f = webhooks_read(r->tenant->profile, call, in, out, why);
	/* The request of the next page must not have it. */
	in->answer = NULL;
	in->status = 0;
	value_unref(answer);
	buf_release(&reason);
	return f;
}

/* One request and its answer. */
static enum error_class
ask_page(struct registry *r, enum webhooks_call call, struct webhooks_input *in,
    struct webhooks *out, struct buf *why)
{
	struct profile_request request;
	const struct tenant_host *host;
	enum error_class f = ERROR_CLASS_UNUSABLE;
	struct http_answer *a;
	int rc = webhooks_request(r->tenant->profile, call, in, &request, why);

	if (rc == 0 && call == WEBHOOKS_LIST)
		return ERROR_CLASS_NONE; /* the CRM cannot list them */
	if (rc <= 0) {
		if (rc == 0)
			buf_setf(why, "its CRM has no API for that");
		return f;
	}
	host = tenant_host(r->tenant, request.host);
	if (host == NULL || host->headers == NULL || request.is_url) {
		buf_setf(why, "its profile asks elsewhere than at its hosts");
	} else {
		a = send_request(r, &request, host, call != WEBHOOKS_LIST);
		f = read_page(r, call, in, a, out, why);
		http_answer_free(a);
	}
	profile_request_release(&request);
	return f;
}

/* The end of the tenant's path in an address, where the secret follows; NULL:
 * it is not the tenant's. */
static const char *
find_hook_path(const struct registry *r, const char *url)
{
	const char *at = r->path != NULL ? strstr(url, r->path) : NULL;

	if (at == NULL)
		return NULL;
	at += strlen(r->path);
	return *at == '\0' || *at == '/' || *at == '?' ? at : NULL;
}

/* What the CRM says may quote the tokens, or the address with its secret. */
static void
conceal(const struct registry *r, const char *url, struct buf *text)
{
	const char *end = url != NULL ? find_hook_path(r, url) : NULL;

	tenant_conceal(r->tenant, text);
	if (end != NULL && *end != '\0')
		secret_conceal(text, end + 1);
}

/* Sends the request of each page that the profile wants. */
static enum exit_code
ask_all_pages(struct registry *r, enum webhooks_call call,
    const struct webhook *hook, struct webhooks *out, struct buf *why)
{
	struct webhooks_input in = { .url = r->url };
	struct value *cursor = NULL;
	struct buf reason = BUF_INIT, way = BUF_INIT;
	enum error_class f = ERROR_CLASS_NONE;
	unsigned pages = 0;

	if (hook != NULL)
		in.id = hook->id;
	if (hook != NULL && call == WEBHOOKS_REMOVE)
		in.url = hook->url;
	do {
		in.cursor = cursor;
		f = ask_page(r, call, &in, out, &reason);
		value_unref(cursor);
		cursor = value_ref(out->next);
	} while (
	    f == ERROR_CLASS_NONE && cursor != NULL && ++pages < PAGES_MAX);
	value_unref(cursor);
	if (f != ERROR_CLASS_NONE) {
		conceal(r, in.url, &reason);
		if (f == ERROR_CLASS_DENIED && r->tenant->admin_source != NULL)
			buf_setf(&way, "check %s, which may have expired",
			    r->tenant->admin_source);
		else
			failure_way_out(r->tenant, f, &way);
		buf_setf(why, "%s; %s", buf_str(&reason), buf_str(&way));
	}
	buf_release(&reason);
	buf_release(&way);
	return failure_code(f, FAILURE_TENANT);
}

/* Finds the tenant's address. */
static enum exit_code
begin_registry(struct registry *r, struct http *http, const struct conf *c,
    const struct tenant *t, const char *base, struct buf *why)
{
	*r = (struct registry){
		.http = http, .conf = c, .tenant = t, .base = base
	};
	r->path = hook_path(c, t->name, &r->secret, why);
	if (r->path == NULL && base != NULL)
		return PROG_CONFIG;
	buf_clear(why);
	if (base != NULL)
		r->url = xasprintf("%s%s%s%s", base, r->path,
		    r->secret != NULL ? "/" : "",
		    r->secret != NULL ? r->secret : "");
	return PROG_OK;
}

enum exit_code
registry_open(struct registry *r, struct http *http, const struct conf *c,
    const struct tenant *t, const char *base, struct buf *why)
{
	enum exit_code code = begin_registry(r, http, c, t, base, why);

	return code == PROG_OK
		   ? ask_all_pages(r, WEBHOOKS_LIST, NULL, &r->there, why)
		   : code;
}

void
registry_release(struct registry *r)
{
	webhooks_release(&r->there);
	secret_free(r->secret);
	secret_free(r->url);
	free(r->path);
	*r = (struct registry){ .http = NULL };
}

/* Whether the address begins with the base: scheme and host have no case. */
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

/* True at our address, with any secret. */
static bool
is_our_webhook(const struct registry *r, const struct webhook *w)
{
	size_t len = strlen(r->base);
	const char *end;

	if (w->url == NULL || !begins_with_base(w->url, r->base))
		return false;
	end = find_hook_path(r, w->url);
	return end != NULL && (size_t)(end - w->url) == len + strlen(r->path);
}

void
registry_show_url(const struct registry *r, const char *url, struct buf *out)
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

/* Whether the CRM makes up the key that it signs with. */
static bool
makes_key(const struct registry *r)
{
	struct profile_hooks spec;
	struct buf why = BUF_INIT;
	bool yes = profile_hooks_read(r->tenant->profile, &spec, &why) == 0 &&
		   r->secret == NULL && !spec.key_is_token;

	profile_hooks_release(&spec);
	buf_release(&why);
	return yes;
}

static int
store_secret(const char *path, const char *secret, struct buf *why)
{
	char *line = xasprintf("%s\n", secret);
	enum exit_code code = file_replace(path, 0600, line, strlen(line), why);

	secret_free(line);
	return code == PROG_OK ? 0 : -1;
}

/* The path for the key, checked before anything is changed at the CRM. */
static const char *
key_file(const struct registry *r, struct buf *why)
{
	const char *section = r->tenant->section;
	const char *path = conf_text(r->conf, section, "hook_secret_file");

	if (path == NULL)
		buf_setf(why,
		    "its CRM makes up the key it signs with; set "
		    "hook_secret_file in [%s] to where that is to be written",
		    section);
	return path;
}

static enum exit_code
keep_key(const struct registry *r, const struct webhooks *answer,
    const char *file, struct buf *why)
{
	size_t i;

	for (i = 0; i < answer->n; i++) {
		if (answer->list[i].secret == NULL)
			continue;
		return store_secret(file, answer->list[i].secret, why) == 0
			   ? PROG_OK
			   : PROG_CANTCREATE;
	}
	buf_setf(why,
	    "it is registered, but its CRM gave no key to sign with; is it "
	    "an older one, then set hook = secret in [%s]",
	    r->tenant->section);
	return PROG_UNAVAILABLE;
}

enum exit_code
registry_check(struct registry *r, const struct conf *c, const struct tenant *t,
    const char *base, bool adds, struct buf *why)
{
	enum exit_code code = begin_registry(r, NULL, c, t, base, why);

	if (code == PROG_OK && adds && makes_key(r) && key_file(r, why) == NULL)
		code = PROG_CONFIG;
	return code;
}

enum exit_code
registry_add(struct registry *r, struct buf *why)
{
	const struct webhook *known = NULL;
	struct webhooks answer = { .list = NULL };
	const char *file = NULL;
	enum exit_code code;
	size_t i;

	if (makes_key(r)) {
		file = key_file(r, why);
		if (file == NULL)
			return PROG_CONFIG;
	}
	for (i = 0; i < r->there.n && known == NULL; i++) {
		if (is_our_webhook(r, &r->there.list[i]))
			known = &r->there.list[i];
	}
	code = ask_all_pages(r, WEBHOOKS_ADD, known, &answer, why);
	if (code == PROG_OK && file != NULL)
		code = keep_key(r, &answer, file, why);
	webhooks_release(&answer);
	return code;
}

enum exit_code
registry_remove(struct registry *r, size_t *n, struct buf *why)
{
	struct webhooks answer = { .list = NULL };
	enum exit_code code = PROG_OK;
	size_t i;

	*n = 0;
	for (i = 0; i < r->there.n && code == PROG_OK; i++) {
		if (!is_our_webhook(r, &r->there.list[i]))
			continue;
		code = ask_all_pages(
		    r, WEBHOOKS_REMOVE, &r->there.list[i], &answer, why);
		*n += code == PROG_OK;
	}
	webhooks_release(&answer);
	return code;
}
