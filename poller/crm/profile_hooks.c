/*
 * profile_hooks: webhooks of a CRM: how they are signed, the records of a
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

/* What others agree on, where the profile says nothing. */
#define WINDOW_MS (5 * MINUTE_MS)

/* A list of texts, NULL-ended and owned; NULL if it is absent. */
static char **
list_texts(jv object, const char *key)
{
	jv list = profile_member(object, key), v;
	char **all = NULL;
	int i, n;

	if (jv_get_kind(list) == JV_KIND_ARRAY) {
		n = jv_array_length(jv_copy(list));
		all = xcalloc((size_t)n + 1, sizeof *all);
		for (i = 0; i < n; i++) {
			v = jv_array_get(jv_copy(list), i);
			all[i] = xstrdup(jv_string_value(v));
			jv_free(v);
		}
	}
	jv_free(list);
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

/* about.hooks.sign */
static int
read_sign(jv sign, struct profile_hooks *out, struct buf *why)
{
	char *key = profile_text(sign, "key");
	jv window = profile_member(sign, "window");

	out->window_ms = jv_get_kind(window) == JV_KIND_NUMBER
			     ? (int64_t)(jv_number_value(window) * 1000)
			     : WINDOW_MS;
	jv_free(window);
	out->header = profile_text(sign, "header");
	out->timestamp = profile_text(sign, "timestamp");
	out->prefix = profile_text(sign, "prefix");
	out->parts = list_texts(sign, "parts");
	out->key_is_token = key != NULL && strstr(key, "token") != NULL;
	out->key_is_md5 = key != NULL && strstr(key, "md5") != NULL;
	free(key);
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
	jv about = profile_run(p, "about", jv_object(), why), hooks, sign;
	int rc = -1;

	*out = (struct profile_hooks){ .header = NULL };
	hooks = profile_member(about, "hooks");
	sign = profile_member(hooks, "sign");
	if (jv_is_valid(about) && jv_get_kind(hooks) != JV_KIND_OBJECT) {
		buf_setf(why, "it does not support webhooks");
	} else if (jv_is_valid(about)) {
		rc = jv_get_kind(sign) == JV_KIND_OBJECT
			 ? read_sign(sign, out, why)
			 : 0;
		out->headers = list_texts(hooks, "headers");
	}
	jv_free(about);
	jv_free(hooks);
	jv_free(sign);
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

/* {NAME: value or null} of the headers in about.hooks.headers. */
static jv
headers_jv(const struct profile_hooks *h, const struct profile_hook_input *in)
{
	jv all = jv_object();
	char *const *name = h->headers;
	const char *value;

	for (; name != NULL && *name != NULL; name++) {
		value = in->header(in->ctx, *name);
		all = jv_object_set(all, jv_string(*name),
		    value != NULL ? jv_string(value) : jv_null());
	}
	return all;
}

/* Reads an array of records (taken). One that is bad loses none of the others:
 * a message is told once, and the state of its chat again and again. */
static int
read_hook_records(const struct profile_options *o, jv records,
    struct profile_hook_answer *out, struct buf *why)
{
	const struct crm_record_options opt = { o->customers, o->customer_phone,
		o->with_text, false };
	int n = jv_array_length(jv_copy(records)), i;
	struct buf reason = BUF_INIT;

	out->records = xcalloc((size_t)n + 1, sizeof *out->records);
	for (i = 0; i < n; i++) {
		struct value *v =
		    value_new_jv(jv_array_get(jv_copy(records), i));

		buf_clear(&reason);
		if (crm_record_read(&out->records[out->n], v, &opt, &reason) ==
		    0)
			out->n++;
		if (reason.len > 0 && out->bad++ == 0)
			buf_setf(why, "%s", buf_str(&reason));
		value_unref(v);
	}
	buf_release(&reason);
	jv_free(records);
	return out->n == 0 && out->bad > 0 ? -1 : 0;
}

int
profile_hook_read(struct profile *p, const struct profile_hooks *h,
    const struct profile_hook_input *in, struct profile_hook_answer *out,
    struct buf *why)
{
	jv more = jv_object(), result, records;
	int rc = -1;

	*out = (struct profile_hook_answer){ .records = NULL };
	more = jv_object_set(
	    more, jv_string("now"), jv_number((double)in->now_ms / 1000));
	more = jv_object_set(more, jv_string("signed"),
	    in->signed_ms != CLOCK_NONE
		? jv_number((double)in->signed_ms / 1000)
		: jv_null());
	more = jv_object_set(more, jv_string("payload"), value_jv(in->payload));
	more = jv_object_set(more, jv_string("headers"), headers_jv(h, in));
	result = profile_run(p, "hook_read", more, why);
	out->refused = profile_text(result, "refused");
	out->unknown = profile_text(result, "unknown");
	out->once = profile_text(result, "once");
	records = profile_member(result, "records");
	if (out->refused != NULL || out->unknown != NULL) {
		jv_free(records);
		rc = 0;
	} else if (jv_get_kind(records) == JV_KIND_ARRAY) {
		rc = read_hook_records(profile_options(p), records, out, why);
	} else {
		if (jv_is_valid(result))
			buf_setf(why,
			    "it must return {records}, {refused} or {unknown}");
		jv_free(records);
	}
	jv_free(result);
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

/* ---- webhooks that are registered ---- */

/* The text of a member, owned; NULL if it is absent or empty. */
static char *
webhook_text(jv object, const char *key)
{
	char *s = profile_text(object, key);

	if (s != NULL && *s == '\0') {
		free(s);
		s = NULL;
	}
	return s;
}

/* Joins a list of texts (taken): "inbox, outbox". */
static char *
join_texts(jv list)
{
	struct buf b = BUF_INIT;
	int i, n = jv_get_kind(list) == JV_KIND_ARRAY
		       ? jv_array_length(jv_copy(list))
		       : 0;

	for (i = 0; i < n; i++) {
		jv v = jv_array_get(jv_copy(list), i);

		if (jv_get_kind(v) == JV_KIND_STRING)
			buf_addf(&b, "%s%s", b.len > 0 ? ", " : "",
			    jv_string_value(v));
		jv_free(v);
	}
	jv_free(list);
	return buf_take(&b);
}

void
profile_webhooks_read(jv result, struct webhooks *out)
{
	jv list = profile_member(result, "hooks"), v, active;
	int i, n = jv_get_kind(list) == JV_KIND_ARRAY
		       ? jv_array_length(jv_copy(list))
		       : 0;

	for (i = 0; i < n; i++) {
		v = jv_array_get(jv_copy(list), i);
		active = profile_member(v, "active");
		XGROW(out->list, out->n, out->cap);
		out->list[out->n++] =
		    (struct webhook){ .id = profile_id(profile_member(v, "id")),
			    .url = webhook_text(v, "url"),
			    .secret = webhook_text(v, "secret"),
			    .events = join_texts(profile_member(v, "events")),
			    .active = jv_get_kind(active) != JV_KIND_FALSE };
		jv_free(active);
		jv_free(v);
	}
	jv_free(list);
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
