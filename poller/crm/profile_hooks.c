/*
 * profile_hooks: webhooks of a CRM: how they are signed, and those that are
 * registered; see profile.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "poller/crm/profile.h"
#include "poller/crm/profile_impl.h"

/* The default value. */
#define WINDOW_MS (5 * MINUTE_MS)

/* Returns a list of texts ending with NULL, owned; NULL if it is absent. */
static char **
list_texts(const json_t *object, const char *key)
{
	const json_t *list = json_object_get(object, key), *v;
	char **all = NULL;
	size_t i;

	if (!json_is_array(list))
		return NULL;
	all = xcalloc(json_array_size(list) + 1, sizeof *all);
	json_array_foreach (list, i, v)
		all[i] = xstrdup(json_string_value(v));
	return all;
}

static void
free_texts(char **all)
{
	char **one;

	for (one = all; one != NULL && *one != NULL; one++)
		free(*one);
	free(all);
}

struct profile_hooks *
profile_hooks_read(const json_t *about)
{
	const json_t *hooks = json_object_get(about, "hooks");
	const json_t *sign = json_object_get(hooks, "sign");
	const json_t *window = json_object_get(sign, "window");
	const char *key = profile_text(sign, "key");
	struct profile_hooks *out;

	if (!json_is_object(hooks))
		return NULL;
	out = xmalloc(sizeof *out);
	*out = (struct profile_hooks){
		.header = profile_text_dup(sign, "header"),
		.timestamp = profile_text_dup(sign, "timestamp"),
		.prefix = profile_text_dup(sign, "prefix"),
		.parts = list_texts(sign, "parts"),
		.window_ms = json_is_number(window)
				 ? (int64_t)(json_number_value(window) * 1000)
				 : WINDOW_MS,
		.key_is_md5 = key != NULL && strstr(key, "md5") != NULL,
		.key_is_token = key != NULL && strstr(key, "token") != NULL,
		.headers = list_texts(hooks, "headers"),
	};
	return out;
}

void
profile_hooks_free(struct profile_hooks *h)
{
	if (h == NULL)
		return;
	free(h->header);
	free(h->timestamp);
	free(h->prefix);
	free_texts(h->parts);
	free_texts(h->headers);
	free(h);
}

/* ---- registered webhooks ---- */

/* Returns the text of a member, owned; NULL if it is absent or empty. */
static char *
webhook_text(const json_t *object, const char *key)
{
	const char *s = profile_text(object, key);

	return s != NULL && *s != '\0' ? xstrdup(s) : NULL;
}

/* Joins a list of texts: "inbox, outbox". */
static char *
join_texts(const json_t *list)
{
	struct buf b = BUF_INIT;
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		if (json_is_string(v))
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "",
			    json_string_value(v));
	return buf_take(&b);
}

void
profile_webhooks_read(const json_t *result, struct webhooks *out)
{
	const json_t *list = json_object_get(result, "hooks"), *v;
	size_t i;

	json_array_foreach (list, i, v) {
		XGROW(out->list, out->n, out->cap);
		out->list[out->n++] = (struct webhook){
			.id = profile_id(json_object_get(v, "id")),
			.url = webhook_text(v, "url"),
			.secret = webhook_text(v, "secret"),
			.events = join_texts(json_object_get(v, "events")),
			.active = !json_is_false(json_object_get(v, "active")),
		};
	}
}

void
webhooks_release(struct webhooks *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		free(w->list[i].id);
		free(w->list[i].url);
		free(w->list[i].events);
		secret_free(w->list[i].secret);
	}
	free(w->list);
	*w = (struct webhooks){ .list = NULL };
}
