/*
 * api_hooks: lists, creates, changes and removes the webhooks of an account,
 * for Chat2Desk and Chatwoot. They are only stored here; push.c sends those of
 * Chatwoot to this machine. See api.h.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "tests/crm/api.h"
#include "tests/crm/chatwoot.h"

#define HOOKS_MAX 64
#define FREE_ONES 5 /* of an account */

static struct registered {
	const struct world *world; /* NULL: not in use */
	int64_t id;
	char *name, *url, *events; /* events as JSON */
	char secret[25];           /* in Chatwoot, which makes it */
	bool off;
} all[HOOKS_MAX];

static int64_t last_id = 500;

static void
render(struct buf *b, const struct registered *h)
{
	jsonw_open(b);
	jsonw_int(b, "id", h->id);
	jsonw_str(b, "name", h->name);
	jsonw_str(b, "url", h->url);
	jsonw_raw(b, "events", h->events, strlen(h->events));
	jsonw_str(b, "status", h->off ? "disable" : "enable");
	jsonw_raw(b, "errors", "[]", 2);
	jsonw_null(b, "source");
	jsonw_raw(b, "channels", "[]", 2);
	jsonw_close(b);
}

static void
answer_one(struct answer *a, const struct registered *h)
{
	buf_adds(&a->body, "{\"data\":");
	render(&a->body, h);
	buf_adds(&a->body, ",\"status\":\"success\"}");
}

void
api_hooks(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct page p;

	page_begin(&p, c, a);
	for (size_t i = 0; i < HOOKS_MAX; i++)
		if (all[i].world == w && page_row(&p))
			render(&a->body, &all[i]);
	page_end(&p, w);
}

static struct registered *
find(const struct world *w, int64_t id)
{
	for (size_t i = 0; i < HOOKS_MAX; i++)
		if (all[i].world == w && all[i].id == id)
			return &all[i];
	return NULL;
}

static bool
is_used(const struct world *w, const char *url, int64_t but)
{
	for (size_t i = 0; i < HOOKS_MAX; i++)
		if (all[i].world == w && all[i].id != but &&
		    strcmp(all[i].url, url) == 0)
			return true;
	return false;
}

static void
set_text(char **to, json_t *v)
{
	if (!json_is_string(v))
		return;
	free(*to);
	*to = xstrdup(json_string_value(v));
}

/* Takes over the requested values; returns false if one is not allowed. */
static bool
fill(struct registered *h, const struct world *w, const json_t *asked,
    json_t *events)
{
	const char *url = json_string_value(json_object_get(asked, "url"));

	if (url == NULL || json_array_size(events) == 0 ||
	    is_used(w, url, h->id))
		return false;
	set_text(&h->name, json_object_get(asked, "name"));
	set_text(&h->url, json_object_get(asked, "url"));
	free(h->events);
	h->events = json_dumps(events, JSON_COMPACT);
	return true;
}

/* Sets the values in the body. Returns false, and sets the answer, if one is
 * not allowed. */
static bool
set(struct registered *h, const struct world *w, const struct call *c,
    struct answer *a)
{
	json_t *body = json_loadb(c->body.data, c->body.len, 0, NULL);
	const char *url = json_string_value(json_object_get(body, "url"));
	const char *status = json_string_value(json_object_get(body, "status"));
	bool good = fill(h, w, body, json_object_get(body, "events"));

	if (good) {
		h->off = status != NULL && strcmp(status, "disable") == 0;
	} else {
		answer_error(a, 400, "Validation failed",
		    url != NULL && is_used(w, url, h->id)
			? "{\"url\":[\"already used\"]}"
			: "{\"url\":[\"is not a URL, or there are no "
			  "events\"]}");
	}
	json_decref(body);
	return good;
}

static void
clear(struct registered *h)
{
	free(h->name);
	free(h->url);
	free(h->events);
	*h = (struct registered){ .world = NULL };
}

/* Returns an unused webhook if the account may have another one, else NULL. */
static struct registered *
add(const struct world *w, size_t most)
{
	struct registered *unused = NULL;
	size_t n = 0;

	for (size_t i = 0; i < HOOKS_MAX; i++) {
		n += all[i].world == w;
		if (all[i].world == NULL && unused == NULL)
			unused = &all[i];
	}
	if (unused == NULL || n >= most)
		return NULL;
	*unused = (struct registered){ .name = xstrdup(""), .id = ++last_id };
	return unused;
}

void
api_post_hook(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct registered *unused = add(w, FREE_ONES);

	if (unused == NULL) {
		answer_error(a, 400, "Too many webhooks", NULL);
		return;
	}
	if (!set(unused, w, c, a)) {
		clear(unused);
		return;
	}
	unused->world = w;
	answer_one(a, unused);
}

void
api_put_hook(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct registered *h = find(w, c->id);

	if (h == NULL)
		answer_error(a, 404, "not_found", "\"webhook not found\"");
	else if (set(h, w, c, a))
		answer_one(a, h);
}

void
api_delete_hook(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct registered *h = find(w, c->id);

	if (h == NULL) {
		answer_error(a, 404, "not_found", "\"webhook not found\"");
		return;
	}
	clear(h);
	answer_text(a, 200, "{\"status\":\"success\"}");
}

/* ---- Chatwoot ---- */

bool
chatwoot_hook_here(const struct world *w, const char **url, const char **secret)
{
	static const char here[] = "http://127.0.0.1:";

	for (size_t i = 0; i < HOOKS_MAX; i++) {
		if (all[i].world != w ||
		    strncmp(all[i].url, here, strlen(here)) != 0)
			continue;
		*url = all[i].url;
		*secret = all[i].secret;
		return true;
	}
	return false;
}

static void
render_chatwoot(struct buf *b, const struct registered *h)
{
	jsonw_open(b);
	jsonw_int(b, "id", h->id);
	jsonw_str(b, "name", h->name);
	jsonw_str(b, "url", h->url);
	jsonw_int(b, "account_id", 1);
	jsonw_raw(b, "subscriptions", h->events, strlen(h->events));
	jsonw_str(b, "secret", h->secret);
	jsonw_close(b);
}

void
chatwoot_hooks(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const char *comma = "";

	buf_adds(&a->body, "{\"payload\":{\"webhooks\":[");
	for (size_t i = 0; i < HOOKS_MAX; i++) {
		if (all[i].world != w)
			continue;
		buf_adds(&a->body, comma);
		comma = ",";
		render_chatwoot(&a->body, &all[i]);
	}
	buf_adds(&a->body, "]}}");
}

static bool
set_chatwoot(struct registered *h, const struct world *w, const struct call *c,
    struct answer *a)
{
	json_t *body = json_loadb(c->body.data, c->body.len, 0, NULL);
	json_t *asked = json_object_get(body, "webhook");
	bool good = fill(h, w, asked, json_object_get(asked, "subscriptions"));

	json_decref(body);
	if (good) {
		buf_adds(&a->body, "{\"payload\":{\"webhook\":");
		render_chatwoot(&a->body, h);
		buf_adds(&a->body, "}}");
		return true;
	}
	answer_text(a, 422,
	    "{\"message\":\"Url has already been taken\","
	    "\"attributes\":[\"url\"]}");
	return false;
}

void
chatwoot_post_hook(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct registered *h = add(w, HOOKS_MAX);

	if (h == NULL) {
		answer_text(a, 500, "");
		return;
	}
	(void)snprintf(
	    h->secret, sizeof h->secret, "secret-of-webhook-%06d", (int)h->id);
	if (set_chatwoot(h, w, c, a))
		h->world = w;
	else
		clear(h);
}

static struct registered *
find_chatwoot(const struct world *w, int64_t id, struct answer *a)
{
	struct registered *h = find(w, id);

	if (h == NULL)
		answer_text(
		    a, 404, "{\"error\":\"Resource could not be found\"}");
	return h;
}

void
chatwoot_patch_hook(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct registered *h = find_chatwoot(w, c->id, a);

	if (h != NULL)
		(void)set_chatwoot(h, w, c, a);
}

void
chatwoot_delete_hook(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	struct registered *h = find_chatwoot(w, c->id, a);

	if (h == NULL)
		return;
	clear(h);
	a->type = "text/html"; /* an empty body */
}
