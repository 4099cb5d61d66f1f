/*
 * api_hooks: the webhooks of an account: listed, made, changed, removed. They
 * are only kept here; who sends them is another matter. See api.h.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "tests/crm/api.h"

#define HOOKS_MAX 64
#define FREE_ONES 5 /* of an account */

static struct registered {
	const struct world *world; /* NULL: not in use */
	int64_t id;
	char *name, *url, *events; /* events as JSON */
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
api_hooks(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct page p;

	(void)s;
	(void)id;
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

/* What the body says; false when it cannot be, and that is the answer. */
static bool
set(struct registered *h, const struct world *w, const struct call *c,
    struct answer *a)
{
	json_t *body = json_loadb(c->body.data, c->body.len, 0, NULL);
	json_t *events = json_object_get(body, "events");
	const char *url = json_string_value(json_object_get(body, "url"));
	const char *status = json_string_value(json_object_get(body, "status"));
	char *text;
	bool good = url != NULL && json_array_size(events) > 0 &&
		    !is_used(w, url, h->id);

	if (good) {
		set_text(&h->name, json_object_get(body, "name"));
		set_text(&h->url, json_object_get(body, "url"));
		text = json_dumps(events, JSON_COMPACT);
		free(h->events);
		h->events = text;
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

void
api_post_hook(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct registered *unused = NULL;
	size_t n = 0;

	(void)s;
	(void)id;
	for (size_t i = 0; i < HOOKS_MAX; i++) {
		n += all[i].world == w;
		if (all[i].world == NULL && unused == NULL)
			unused = &all[i];
	}
	if (unused == NULL || n >= FREE_ONES) {
		answer_error(a, 400, "Too many webhooks", NULL);
		return;
	}
	*unused = (struct registered){ .name = xstrdup(""), .id = ++last_id };
	if (!set(unused, w, c, a)) {
		clear(unused);
		return;
	}
	unused->world = w;
	answer_one(a, unused);
}

void
api_put_hook(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct registered *h = find(w, id);

	(void)s;
	if (h == NULL)
		answer_error(a, 404, "not_found", "\"webhook not found\"");
	else if (set(h, w, c, a))
		answer_one(a, h);
}

void
api_delete_hook(struct sim *s, struct world *w, struct call *c, int64_t id,
    struct answer *a)
{
	struct registered *h = find(w, id);

	(void)s;
	(void)c;
	if (h == NULL) {
		answer_error(a, 404, "not_found", "\"webhook not found\"");
		return;
	}
	clear(h);
	answer_text(a, 200, "{\"status\":\"success\"}");
}
