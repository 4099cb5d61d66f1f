/*
 * profile_webhooks: see profile_webhooks.h.
 */
#include "poller/profile/profile_webhooks.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "poller/profile/profile_impl.h"

static const char *const names[] = {
	[WEBHOOKS_LIST] = "hooks",
	[WEBHOOKS_ADD] = "hook_add",
	[WEBHOOKS_REMOVE] = "hook_remove",
};

/* The text of a member, owned; NULL if it is absent or empty. */
static char *
webhook_text(jv object, const char *key)
{
	jv v = profile_member(object, key);
	char *s =
	    jv_get_kind(v) == JV_KIND_STRING && *jv_string_value(v) != '\0'
		? xstrdup(jv_string_value(v))
		: NULL;

	jv_free(v);
	return s;
}

/* Calls the function X_WHAT, such as hooks_read. */
static jv
call_profile(struct profile *p, enum webhooks_call call, const char *what,
    const struct webhooks_input *in, struct buf *why)
{
	jv hook = jv_object(), more = jv_object();
	char name[32];

	hook =
	    jv_object_set(hook, jv_string("id"), profile_text_or_null(in->id));
	hook = jv_object_set(
	    hook, jv_string("url"), profile_text_or_null(in->url));
	more = jv_object_set(more, jv_string("hook"), hook);
	more = jv_object_set(more, jv_string("cursor"), value_jv(in->cursor));
	more = jv_object_set(more, jv_string("answer"), value_jv(in->answer));
	more = jv_object_set(more, jv_string("status"), jv_number(in->status));
	(void)snprintf(name, sizeof name, "%s_%s", names[call], what);
	return profile_run(p, name, more, why);
}

/* Puts the function's name before the reason. */
static void
name_webhooks_function(
    enum webhooks_call call, const char *what, struct buf *why)
{
	char *reason = xstrdup(buf_str(why));

	buf_setf(why, "%s_%s of the profile: %s", names[call], what, reason);
	free(reason);
}

int
webhooks_request(struct profile *p, enum webhooks_call call,
    const struct webhooks_input *in, struct profile_request *out,
    struct buf *why)
{
	jv result = call_profile(p, call, "request", in, why);
	int rc = -1;

	*out = (struct profile_request){ .target = NULL };
	if (jv_is_valid(result))
		rc = profile_request_read(result, out, why);
	if (rc < 0)
		name_webhooks_function(call, "request", why);
	jv_free(result);
	return rc;
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

/* Adds one webhook of the answer (taken). */
static void
add_webhook(struct webhooks *out, jv v)
{
	jv active = profile_member(v, "active");
	struct webhook *w;

	XGROW(out->list, out->n, out->cap);
	w = &out->list[out->n++];
	*w = (struct webhook){ .id = profile_id(profile_member(v, "id")),
		.url = webhook_text(v, "url"),
		.secret = webhook_text(v, "secret"),
		.events = join_texts(profile_member(v, "events")),
		.active = jv_get_kind(active) != JV_KIND_FALSE };
	jv_free(active);
	jv_free(v);
}

static void
add_webhooks(struct webhooks *out, jv list)
{
	int i, n = jv_array_length(jv_copy(list));

	for (i = 0; i < n; i++)
		add_webhook(out, jv_array_get(jv_copy(list), i));
	jv_free(list);
}

/* Sets *why to the message of an error. */
static void
set_error_text(jv result, struct buf *why)
{
	char *message = webhook_text(result, "message");

	buf_setf(why, "%s", message != NULL ? message : "");
	free(message);
}

enum error_class
webhooks_read(struct profile *p, enum webhooks_call call,
    const struct webhooks_input *in, struct webhooks *out, struct buf *why)
{
	jv result = call_profile(p, call, "read", in, why);
	jv hooks = profile_member(result, "hooks"),
	   next = profile_member(result, "next");
	char *error = webhook_text(result, "error");
	enum error_class f = ERROR_CLASS_NONE;

	value_unref(out->next);
	out->next = NULL;
	if (error != NULL) {
		f = profile_error_class(error);
		set_error_text(result, why);
	} else if (jv_get_kind(hooks) == JV_KIND_ARRAY) {
		add_webhooks(out, jv_copy(hooks));
		if (jv_is_valid(next) && jv_get_kind(next) != JV_KIND_NULL)
			out->next = value_new_jv(jv_copy(next));
	} else {
		if (jv_is_valid(result))
			buf_setf(why, "it must give {hooks}");
		name_webhooks_function(call, "read", why);
		f = ERROR_CLASS_UNUSABLE;
	}
	free(error);
	jv_free(hooks);
	jv_free(next);
	jv_free(result);
	return f;
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
	value_unref(w->next);
	*w = (struct webhooks){ .list = NULL };
}
