/*
 * route_originals: POST /webhook and POST /resolve of the custom agent
 * allocation for Qiscus, which this program replaces: a room without an agent,
 * and a room that is resolved. Their paths have no tenant and no secret, so
 * they answer only for [listen] tenant, if its profile is qiscus, and to
 * trusted addresses.
 *
 * Answers, also to wrong types, are those of the original; but a room that is
 * reported twice is not an error.
 */
#include "poller/routes/route.h"

#include <jansson.h>
#include <string.h>

#include "common/text/json_read.h"
#include "common/text/jsonw.h"
#include "poller/routes/route_auth.h"
#include "poller/routes/route_hooks.h"

enum payload_kind { TEXT, WHOLE, FLAG, LIST, TEXTS, OBJECT, TEXT_OR_NUMBER };

/* The type of a member that is present and not null. */
struct payload_member {
	const char *name;
	enum payload_kind kind;
	const struct payload_member
	    *members; /* of an OBJECT; ended by no name */
};

static const struct payload_member latest_service[] = {
	{ "id", WHOLE, NULL },
	{ "user_id", WHOLE, NULL },
	{ "room_log_id", WHOLE, NULL },
	{ "app_id", WHOLE, NULL },
	{ "room_id", TEXT, NULL },
	{ "resolved_at", TEXT, NULL },
	{ "is_resolved", FLAG, NULL },
	{ "created_at", TEXT, NULL },
	{ "updated_at", TEXT, NULL },
	{ "first_comment_id", TEXT, NULL },
	{ "last_comment_id", TEXT_OR_NUMBER, NULL },
	{ "retrieved_at", TEXT, NULL },
	{ NULL, TEXT, NULL },
};

static const struct payload_member candidate_agent[] = {
	{ "id", WHOLE, NULL },
	{ "name", TEXT, NULL },
	{ "email", TEXT, NULL },
	{ "authentication_token", TEXT, NULL },
	{ "created_at", TEXT, NULL },
	{ "updated_at", TEXT, NULL },
	{ "sdk_email", TEXT, NULL },
	{ "sdk_key", TEXT, NULL },
	{ "is_available", FLAG, NULL },
	{ "type", WHOLE, NULL },
	{ "avatar_url", TEXT, NULL },
	{ "app_id", WHOLE, NULL },
	{ "is_verified", FLAG, NULL },
	{ "notifications_room_id", TEXT, NULL },
	{ "bubble_color", TEXT, NULL },
	{ "qismo_key", TEXT, NULL },
	{ "type_as_string", TEXT, NULL },
	{ "assigned_rules", TEXTS, NULL },
	{ NULL, TEXT, NULL },
};

static const struct payload_member webhook[] = {
	{ "app_id", TEXT, NULL },
	{ "source", TEXT, NULL },
	{ "name", TEXT, NULL },
	{ "email", TEXT, NULL },
	{ "avatar_url", TEXT, NULL },
	{ "extras", TEXT, NULL },
	{ "is_resolved", FLAG, NULL },
	{ "room_id", TEXT, NULL },
	{ "latest_service", OBJECT, latest_service },
	{ "candidate_agent", OBJECT, candidate_agent },
	{ NULL, TEXT, NULL },
};

static const struct payload_member customer[] = {
	{ "additional_info", LIST, NULL },
	{ "avatar", TEXT, NULL },
	{ "name", TEXT, NULL },
	{ "user_id", TEXT, NULL },
	{ NULL, TEXT, NULL },
};

static const struct payload_member resolved_by[] = {
	{ "id", WHOLE, NULL },
	{ "email", TEXT, NULL },
	{ "name", TEXT, NULL },
	{ "type", TEXT, NULL },
	{ "is_available", FLAG, NULL },
	{ NULL, TEXT, NULL },
};

static const struct payload_member service[] = {
	{ "id", WHOLE, NULL },
	{ "room_id", TEXT, NULL },
	{ "is_resolved", FLAG, NULL },
	{ "first_comment_id", TEXT, NULL },
	{ "last_comment_id", TEXT_OR_NUMBER, NULL },
	{ "source", TEXT, NULL },
	{ NULL, TEXT, NULL },
};

static const struct payload_member resolve[] = {
	{ "customer", OBJECT, customer },
	{ "resolved_by", OBJECT, resolved_by },
	{ "service", OBJECT, service },
	{ NULL, TEXT, NULL },
};

static bool
are_texts(json_t *list)
{
	json_t *v;
	size_t i;

	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v) && !json_is_null(v))
			return false;
	}
	return true;
}

static bool
member_fits(const struct payload_member *m, json_t *v)
{
	switch (m->kind) {
	case TEXT:
		return json_is_string(v);
	case WHOLE:
		return json_is_integer(v);
	case FLAG:
		return json_is_boolean(v);
	case LIST:
		return json_is_array(v);
	case TEXTS:
		return are_texts(v);
	case OBJECT:
		return json_is_object(v);
	case TEXT_OR_NUMBER:
		return json_is_string(v) || json_is_number(v);
	}
	return false;
}

/* Checks all members, and theirs one level down. */
static bool
members_fit(const struct payload_member *members, json_t *object)
{
	const struct payload_member *m, *inner;
	json_t *v, *w;

	for (m = members; m->name != NULL; m++) {
		v = json_object_get(object, m->name);
		if (v == NULL || json_is_null(v))
			continue;
		if (!member_fits(m, v))
			return false;
		inner = m->members;
		for (; inner != NULL && inner->name != NULL; inner++) {
			w = json_object_get(v, inner->name);
			if (w != NULL && !json_is_null(w) &&
			    !member_fits(inner, w))
				return false;
		}
	}
	return true;
}

/* Half an emoji in a name must not lose a room: the original, in Go,
 * reads it as well. */
static bool
is_payload(const struct payload_member *members, const struct web_request *r)
{
	bool repaired = false;
	json_error_t e;
	json_t *v = json_read_repaired(r->body, r->len, &repaired, &e);
	bool yes = json_is_object(v) && members_fit(members, v);

	yes = yes || json_is_null(v);
	json_decref(v);
	return yes;
}

/* In the thread of the tenant's work queue. */
static void
take_payload(const struct listener_context *in, const struct web_request *r,
    const struct payload_member *members, struct web_answer *a)
{
	int status = 400;

	if (is_payload(members, r))
		status = route_hook_take(in, hook_of(in->hooks, in->tenant), r,
		    (struct text){ r->body, r->len }, a);
	if (status == 200) {
		jsonw_object_of(
		    &a->body, "message", "Webhook received successfully");
	} else if (status == 400) {
		a->status = 400;
		jsonw_object_of(&a->body, "error", "Invalid payload");
	}
}

static void
take_webhook(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	take_payload(context, r, webhook, a);
}

static void
take_resolve(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	take_payload(context, r, resolve, a);
}

static void
answer_original(const struct listener_context *in, const struct web_request *r,
    web_handler *later, struct web_answer *a)
{
	const struct hook *h =
	    in->tenant != NULL ? hook_of(in->hooks, in->tenant) : NULL;

	if (h == NULL || strcmp(hook_source(h), "qiscus") != 0) {
		route_detail(a, 404, "Not Found");
	} else if (route_is_trusted(in, r, 404, a) &&
		   route_hook_fits(in, h, r, r->len, a)) {
		a->queue = hook_queue(h);
		a->later = later;
	}
}

void
route_original_webhook(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	answer_original(in, r, take_webhook, a);
}

void
route_original_resolve(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	answer_original(in, r, take_resolve, a);
}
