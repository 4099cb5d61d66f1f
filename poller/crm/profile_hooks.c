/*
 * profile_hooks: webhooks of a CRM: how they are signed, the records in a
 * payload, and those that are registered; see profile.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
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
	json_array_foreach(list, i, v) all[i] = xstrdup(json_string_value(v));
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

/* Reads about.hooks.sign. */
static int
read_sign(const json_t *sign, struct profile_hooks *out, struct buf *why)
{
	const char *key = profile_text(sign, "key");
	const json_t *window = json_object_get(sign, "window");

	out->window_ms = json_is_number(window)
			     ? (int64_t)(json_number_value(window) * 1000)
			     : WINDOW_MS;
	out->header = profile_text_dup(sign, "header");
	out->timestamp = profile_text_dup(sign, "timestamp");
	out->prefix = profile_text_dup(sign, "prefix");
	out->parts = list_texts(sign, "parts");
	out->key_is_token = key != NULL && strstr(key, "token") != NULL;
	out->key_is_md5 = key != NULL && strstr(key, "md5") != NULL;
	if (out->header != NULL && out->parts != NULL &&
	    text_is_listed("body", out->parts) &&
	    text_is_listed("timestamp", out->parts) == (out->timestamp != NULL))
		return 0;
	buf_setf(why, "about.hooks.sign must be {header, parts}; parts must "
		      "have body, and timestamp if the header has one");
	return -1;
}

int
profile_hooks_read(
    struct profile *p, struct profile_hooks *out, struct buf *why)
{
	json_t *about = profile_run(p, "about", json_object(), why);
	const json_t *hooks = json_object_get(about, "hooks");
	const json_t *sign = json_object_get(hooks, "sign");
	int rc = -1;

	*out = (struct profile_hooks){ .header = NULL };
	if (about != NULL && !json_is_object(hooks)) {
		buf_setf(why, "it does not support webhooks");
	} else if (about != NULL) {
		rc = json_is_object(sign) ? read_sign(sign, out, why) : 0;
		out->headers = list_texts(hooks, "headers");
	}
	json_decref(about);
	return rc;
}

void
profile_hooks_release(struct profile_hooks *h)
{
	free(h->header);
	free(h->timestamp);
	free(h->prefix);
	free_texts(h->parts);
	free_texts(h->headers);
	*h = (struct profile_hooks){ .header = NULL };
}

/* Returns {NAME: value or null} for the headers in about.hooks.headers. */
static json_t *
read_headers(const struct profile_hooks *h, const struct profile_hook_input *in)
{
	json_t *all = json_object();
	char *const *name = h->headers;
	const char *value;

	for (; name != NULL && *name != NULL; name++) {
		value = in->header(in->ctx, *name);
		(void)json_object_set_new_nocheck(all, *name,
		    value != NULL ? json_string_nocheck(value) : json_null());
	}
	return all;
}

/* Reads an array of records. A bad record does not affect the others: a message
 * is reported only once, but the state of its chat repeatedly. */
static int
read_hook_records(const struct crm_record_options *opt, const json_t *records,
    struct profile_hook_answer *out, struct buf *why)
{
	struct buf reason = BUF_INIT;
	json_t *v;
	size_t i;

	out->records =
	    xcalloc(json_array_size(records) + 1, sizeof *out->records);
	json_array_foreach(records, i, v)
	{
		buf_clear(&reason);
		if (crm_record_read(&out->records[out->n], v, opt, &reason) ==
		    0)
			out->n++;
		if (reason.len > 0 && out->bad++ == 0)
			buf_setf(why, "%s", buf_str(&reason));
	}
	buf_release(&reason);
	return out->n == 0 && out->bad > 0 ? -1 : 0;
}

int
profile_hook_read(struct profile *p, const struct profile_hooks *h,
    const struct profile_hook_input *in, struct profile_hook_answer *out,
    struct buf *why)
{
	const struct crm_record_options opt = profile_record_options(p, false);
	json_t *more = json_pack("{s:f, s:o, s:O, s:o}", "now",
	    (double)in->now_ms / 1000, "signed",
	    in->signed_ms != CLOCK_NONE
		? json_real((double)in->signed_ms / 1000)
		: json_null(),
	    "payload", in->payload, "headers", read_headers(h, in));
	json_t *result = profile_run(p, "hook_read", more, why);
	const json_t *records = json_object_get(result, "records");
	int rc = -1;

	*out = (struct profile_hook_answer){ .records = NULL };
	out->refused = profile_text_dup(result, "refused");
	out->unknown = profile_text_dup(result, "unknown");
	out->once = profile_text_dup(result, "once");
	if (out->refused != NULL || out->unknown != NULL)
		rc = 0;
	else if (json_is_array(records))
		rc = read_hook_records(&opt, records, out, why);
	else if (result != NULL)
		buf_setf(
		    why, "it must return {records}, {refused} or {unknown}");
	json_decref(result);
	return rc;
}

void
profile_hook_release(struct profile_hook_answer *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		crm_record_release(&a->records[i]);
	free(a->records);
	free(a->refused);
	free(a->unknown);
	free(a->once);
	*a = (struct profile_hook_answer){ .records = NULL };
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

	json_array_foreach(list, i, v) if (json_is_string(v))
	    buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", json_string_value(v));
	return buf_take(&b);
}

void
profile_webhooks_read(const json_t *result, struct webhooks *out)
{
	const json_t *list = json_object_get(result, "hooks"), *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
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
