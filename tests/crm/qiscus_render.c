/* qiscus_render: the objects of a world as Qiscus shows them; see qiscus.h. */
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "tests/crm/qiscus.h"
#include "tests/crm/render.h"

void
qiscus_time(struct buf *b, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT];

	if (ms == 0) {
		jsonw_null(b, key);
		return;
	}
	clock_format(ms, text);
	memcpy(text + 19, "Z", 2);
	jsonw_str(b, key, text);
}

static void
text_id(struct buf *b, const char *key, int64_t id)
{
	char *text = xasprintf("%lld", (long long)id);

	jsonw_str(b, key, text);
	free(text);
}

static const char *
source(const struct channel *c)
{
	static const char *const pairs[][2] = { { "wa_dialog", "wa" },
		{ "widget", "qiscus" }, { "insta_direct", "ig" } };

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		if (strcmp(pairs[i][0], c->transport) == 0)
			return pairs[i][1];
	return c->transport;
}

/* A customer is identified by a phone number or an e-mail address. Owned. */
static char *
customer(const struct world *w, const struct dialog *d)
{
	long long n = render_client_id(w, d->client);

	if (strcmp(source(&world_channels[d->channel]), "wa") == 0)
		return xasprintf("4917%09lld", n % 1000000000);
	return xasprintf("customer%lld@example.test", n);
}

static const char *
customer_name(const struct dialog *d)
{
	static const char *const names[] = { "Budi", "Siti Aminah", "李雷",
		"O'Neil \"Jo\"", "" };

	return names[d->client % 5];
}

/* The address under which a person writes. Owned. */
static char *
sdk_email(const struct world *w, int32_t who)
{
	return xasprintf("%s_agent%lld@qismo.example.test", w->opt.app,
	    (long long)w->operators[who].id);
}

/* Returns false if no room may be offered, because the agent is offline or
 * disabled. */
static bool
is_free(const struct worker *o)
{
	return o->online && o->offline_type == NULL;
}

void
qiscus_agent(struct buf *b, const struct world *w, int32_t who)
{
	const struct worker *o = &w->operators[who];
	char *name = render_full_name(o), *email = sdk_email(w, who);
	const char *comma = "";

	jsonw_open(b);
	jsonw_int(b, "id", o->id);
	jsonw_str(b, "name", name);
	buf_addf(b, ",\"email\":\"agent%d@example.test\"", (int)who);
	jsonw_int(b, "type", 2);
	jsonw_str(b, "type_as_string", "agent");
	jsonw_bool(b, "is_available", is_free(o));
	jsonw_bool(b, "force_offline", o->offline_type != NULL);
	if (w->opt.seed % 2 == 1) /* some accounts do not have it */
		jsonw_int(b, "current_customer_count", world_load(w, who));
	qiscus_time(b, "last_login", o->online ? w->now : 0);
	qiscus_time(b, "created_at", w->opt.start_ms);
	jsonw_null(b, "avatar_url");
	jsonw_str(b, "sdk_email", email);
	jsonw_str(b, "sdk_key", "not-a-key");
	buf_adds(b, ",\"user_channels\":[");
	for (size_t i = 0; i < WORLD_CHANNELS; i++) {
		if (w->opt.apart && i != (size_t)who % WORLD_CHANNELS)
			continue;
		buf_addf(b, "%s{\"id\":%lld,\"name\":\"c%zu\"}", comma,
		    (long long)world_channels[i].id, i);
		comma = ",";
	}
	buf_adds(b, "],\"user_roles\":[]}");
	free(email);
	free(name);
}

void
qiscus_admin(struct buf *b, const struct world *w)
{
	jsonw_open(b);
	jsonw_int(b, "id", w->opt.id_base + 1);
	jsonw_str(b, "name", "Admin");
	jsonw_str(b, "email", "admin@example.test");
	jsonw_int(b, "type", 1);
	jsonw_str(b, "type_as_string", "admin");
	jsonw_bool(b, "is_available", true);
	jsonw_bool(b, "force_offline", false);
	jsonw_null(b, "last_login");
	buf_addf(
	    b, ",\"sdk_email\":\"%s_admin@qismo.example.test\"", w->opt.app);
	buf_adds(b, ",\"user_channels\":[],\"user_roles\":[]}");
}

bool
qiscus_shows(const struct message *m)
{
	return m->type != COMMENT;
}

/* The text of a system event. Owned. */
static char *
event_text(const struct world *w, const struct message *m)
{
	char *name, *text;

	switch (m->service) {
	case SERVICE_CLOSED:
		return xstrdup("Admin marked this conversation as resolved");
	case SERVICE_TRANSFERRED:
		name = render_full_name(&w->operators[m->author]);
		text = xasprintf("%s joined this conversation", name);
		free(name);
		return text;
	default:
		return xstrdup("The channel is connected again");
	}
}

static void
add_message(struct buf *b, const struct world *w, const struct message *m)
{
	char *event;

	if (m->type == SYSTEM) {
		event = event_text(w, m);
		jsonw_str(b, "message", event);
		jsonw_str(b, "type", "system_event");
		buf_adds(b, ",\"payload\":{}");
		free(event);
	} else if (m->text >= WORLD_TEXTS) {
		jsonw_str(b, "message",
		    "[file] https://files.example.test/a.jpg [/file]");
		jsonw_str(b, "type", "file_attachment");
		buf_adds(b, ",\"payload\":{\"url\":\"https://files.example.test"
			    "/a.jpg\",\"file_name\":\"a.jpg\",\"size\":1}");
	} else {
		jsonw_str(b, "message", render_text(m));
		jsonw_str(b, "type", "text");
		buf_adds(b, ",\"payload\":{}");
	}
}

static bool
is_human(const struct world *w, const struct message *m)
{
	return m->type == TO_CLIENT && m->author != NO_OPERATOR &&
	       w->operators[m->author].kind != ROBOT;
}

/* A bot writes under its own account or under the admin's. */
static bool
is_bot_reply(const struct world *w, const struct message *m)
{
	return m->type != FROM_CLIENT && m->type != SYSTEM && !is_human(w, m) &&
	       m->id % 2 == 1;
}

/* Adds the sender of a message that no person wrote: a bot, or the system. */
static void
add_machine(struct buf *b, const struct world *w, const struct message *m)
{
	bool system = m->type == SYSTEM, admin = system || is_bot_reply(w, m);

	buf_addf(b, "\"user_id\":\"%s_%s@qismo.example.test\"", w->opt.app,
	    admin ? "admin" : "bot");
	jsonw_str(b, "username", system ? "System" : admin ? "Admin" : "Bot");
	if (admin)
		buf_adds(b, ",\"extras\":null");
	else
		buf_adds(b, ",\"extras\":{\"type\":\"bot\"}");
}

static void
add_user(struct buf *b, const struct world *w, const struct message *m)
{
	const struct dialog *d = &w->dialogs[m->dialog];
	char *id, *name;

	buf_adds(b, ",\"user\":{");
	if (m->type == FROM_CLIENT) {
		id = customer(w, d);
		buf_addf(b, "\"user_id\":\"%s\"", id);
		jsonw_str(b, "username", customer_name(d));
		/* It is an object or a string. */
		buf_adds(b, m->id % 2 == 0
				? ",\"extras\":{\"is_customer\":true}"
				: ",\"extras\":\"{\\\"is_customer\\\":true}\"");
		free(id);
	} else if (is_human(w, m)) {
		id = sdk_email(w, m->author);
		name = render_full_name(&w->operators[m->author]);
		buf_addf(b, "\"user_id\":\"%s\"", id);
		jsonw_str(b, "username", name);
		buf_adds(b, ",\"extras\":{}");
		free(name);
		free(id);
	} else {
		add_machine(b, w, m);
	}
	jsonw_null(b, "avatar_url");
	jsonw_bool(b, "active", true);
	jsonw_close(b);
}

void
qiscus_comment(struct buf *b, const struct world *w, const struct message *m)
{
	jsonw_open(b);
	jsonw_int(b, "id", m->id);
	add_message(b, w, m);
	qiscus_time(b, "timestamp", m->at);
	jsonw_int(b, "unix_timestamp", m->at / 1000);
	buf_adds(b, is_bot_reply(w, m)
			? ",\"extras\":{\"action\":\"bot_reply\"}"
			: ",\"extras\":{}");
	add_user(b, w, m);
	jsonw_close(b);
}

/* Returns the newest message that is shown, or NULL. */
static const struct message *
last_shown(const struct world *w, const struct dialog *d, bool of_customer)
{
	for (size_t i = d->messages_n; i-- > 0;) {
		const struct message *m = &w->messages[d->messages[i]];

		if (of_customer ? m->type == FROM_CLIENT : qiscus_shows(m))
			return m;
	}
	return NULL;
}

static const char *
sender_type(const struct world *w, const struct message *m)
{
	if (m->type == FROM_CLIENT)
		return "customer";
	return is_human(w, m) ? "agent" : "system";
}

static void
add_last(struct buf *b, const struct world *w, const struct dialog *d)
{
	const struct message *last = last_shown(w, d, false);
	const struct message *asked = last_shown(w, d, true);
	char *event;

	if (last == NULL) {
		jsonw_null(b, "last_comment_text");
		jsonw_null(b, "last_comment_sender_type");
		jsonw_null(b, "last_comment_timestamp");
	} else {
		event = last->type == SYSTEM ? event_text(w, last) : NULL;
		jsonw_str(b, "last_comment_text",
		    event != NULL               ? event
		    : last->text >= WORLD_TEXTS ? "[file]"
						: render_text(last));
		jsonw_str(b, "last_comment_sender_type", sender_type(w, last));
		qiscus_time(b, "last_comment_timestamp", last->at);
		free(event);
	}
	qiscus_time(
	    b, "last_customer_timestamp", asked == NULL ? 0 : asked->at);
}

void
qiscus_room(struct buf *b, const struct world *w, const struct dialog *d)
{
	const struct channel *c = &world_channels[d->channel];
	char *id = customer(w, d);

	jsonw_open(b);
	jsonw_int(b, "id", 700000 + d->id);
	text_id(b, "room_id", d->id);
	jsonw_int(b, "channel_id", c->id);
	jsonw_int(b, "contact_id", render_client_id(w, d->client));
	jsonw_str(b, "user_id", id);
	jsonw_str(b, "name", customer_name(d));
	jsonw_str(b, "source", source(c));
	jsonw_bool(b, "is_resolved", d->end != 0);
	jsonw_bool(b, "is_waiting", d->end == 0 && d->assignee == NO_OPERATOR);
	jsonw_bool(b, "is_handled_by_bot", false);
	add_last(b, w, d);
	jsonw_str(b, "room_type", "group");
	jsonw_str(b, "room_badge", "");
	jsonw_null(b, "user_avatar_url");
	jsonw_close(b);
	free(id);
}

/* Adds a session and its agent in the form used by webhooks and by the answers
 * of writes. */
void
qiscus_service(
    struct buf *b, const struct world *w, int32_t request, int32_t who)
{
	const struct request *r = &w->requests[request];

	jsonw_open(b);
	jsonw_int(b, "id", r->id);
	render_id(b, "user_id", who == NO_OPERATOR ? 0 : w->operators[who].id);
	text_id(b, "room_id", w->dialogs[r->dialog].id);
	jsonw_bool(b, "is_resolved", r->end != 0);
	jsonw_null(b, "notes");
	qiscus_time(b, "created_at", r->begin);
	qiscus_time(b, "updated_at", r->end != 0 ? r->end : w->now);
	qiscus_time(b, "resolved_at", r->end);
	qiscus_time(b, "retrieved_at", r->begin);
	jsonw_close(b);
}

/* {"id":...,"name":...,"source":...} */
static void
add_channel(struct buf *b, const struct channel *c)
{
	buf_adds(b, ",\"channel\":");
	jsonw_open(b);
	jsonw_int(b, "id", c->id);
	jsonw_str(b, "name", c->name);
	jsonw_str(b, "source", source(c));
	jsonw_close(b);
}

/* Adds the agent that Qiscus itself would choose. */
static void
add_candidate(struct buf *b, const struct world *w)
{
	int32_t best = NO_OPERATOR;

	for (size_t i = 0; i < w->operators_n; i++) {
		const struct worker *o = &w->operators[i];

		if (worker_is_agent(o) && is_free(o) &&
		    (best == NO_OPERATOR ||
			world_load(w, (int32_t)i) < world_load(w, best)))
			best = (int32_t)i;
	}
	buf_adds(b, ",\"candidate_agent\":");
	if (best == NO_OPERATOR)
		buf_adds(b, "null");
	else
		qiscus_agent(b, w, best);
}

static void
waiting(struct buf *b, const struct world *w, const struct event *h)
{
	const struct dialog *d = &w->dialogs[h->dialog];
	const struct channel *c = &world_channels[d->channel];
	char *id = customer(w, d);

	jsonw_open(b);
	jsonw_str(b, "app_id", w->opt.app);
	jsonw_str(b, "app_code", w->opt.app);
	jsonw_str(b, "source", source(c));
	jsonw_str(b, "name", customer_name(d));
	jsonw_str(b, "email", id);
	jsonw_null(b, "avatar_url");
	if (d->id % 3 == 0)
		jsonw_null(b, "extras");
	else
		jsonw_str(b, "extras", "{\"additional_extras\":{}}");
	jsonw_bool(b, "is_new_session", h->is_new);
	jsonw_bool(b, "is_resolved", false);
	text_id(b, "room_id", d->id);
	if (d->id % 2 == 0)
		add_channel(b, c);
	add_candidate(b, w);
	buf_adds(b, ",\"latest_service\":");
	if (d->previous < 0)
		buf_adds(b, "null");
	else
		qiscus_service(b, w, d->previous, NO_OPERATOR);
	jsonw_close(b);
	free(id);
}

/* Adds the person who resolved the room: the agent, or the admin. */
static void
resolved(struct buf *b, const struct world *w, const struct event *h)
{
	const struct dialog *d = &w->dialogs[h->dialog];
	const struct request *r = &w->requests[d->request];
	char *id = customer(w, d);

	buf_adds(b, "{\"customer\":{\"additional_info\":[],\"avatar\":\"\"");
	jsonw_str(b, "name", customer_name(d));
	jsonw_str(b, "user_id", id);
	buf_adds(b, "},\"resolved_by\":");
	jsonw_open(b);
	jsonw_int(b, "id",
	    h->who == NO_OPERATOR ? w->opt.id_base + 1
				  : w->operators[h->who].id);
	jsonw_str(b, "email", "somebody@example.test");
	jsonw_str(b, "name", "Somebody");
	jsonw_str(b, "type", h->who == NO_OPERATOR ? "admin" : "agent");
	jsonw_bool(b, "is_available", true);
	buf_adds(b, "},\"service\":");
	jsonw_open(b);
	jsonw_int(b, "id", r->id);
	text_id(b, "room_id", d->id);
	jsonw_bool(b, "is_resolved", true);
	jsonw_null(b, "notes");
	text_id(b, "first_comment_id", w->messages[d->messages[0]].id);
	if (d->id % 2 == 0) /* seen as a number too */
		jsonw_int(b, "last_comment_id", w->messages[h->message].id);
	else
		text_id(b, "last_comment_id", w->messages[h->message].id);
	jsonw_str(b, "source", source(&world_channels[d->channel]));
	buf_adds(b, "}}");
	free(id);
}

static void
session(struct buf *b, const struct world *w, const struct event *h)
{
	const struct dialog *d = &w->dialogs[h->dialog];
	const struct message *m = &w->messages[h->message];
	char *id = customer(w, d);

	buf_adds(b, "{\"is_new_session\":true,\"payload\":{\"from\":");
	jsonw_open(b);
	jsonw_str(b, "email", id);
	jsonw_str(b, "name", customer_name(d));
	buf_adds(b, "},\"message\":");
	jsonw_open(b);
	/* The id may be 0. */
	jsonw_int(b, "id", d->id % 3 == 0 ? 0 : m->id);
	qiscus_time(b, "timestamp", m->at);
	jsonw_str(b, "type", "text");
	jsonw_str(b, "text", m->text < WORLD_TEXTS ? render_text(m) : "");
	buf_adds(b, "},\"room\":");
	jsonw_open(b);
	jsonw_int(b, "id", 0);
	text_id(b, "id_str", d->id);
	buf_adds(b, "}},\"room_log\":");
	jsonw_open(b);
	jsonw_int(b, "channel_id", world_channels[d->channel].id);
	text_id(b, "room_id", d->id);
	jsonw_str(b, "source", source(&world_channels[d->channel]));
	jsonw_str(b, "user_id", id);
	jsonw_str(b, "name", customer_name(d));
	jsonw_bool(b, "resolved", false);
	jsonw_bool(b, "is_waiting", h->who == NO_OPERATOR);
	buf_adds(b, "},\"webhook_type\":\"NEW_SESSION_WEBHOOK\"}");
	free(id);
}

void
qiscus_happening(struct buf *b, const struct world *w, const struct event *h)
{
	if (h->kind == PUSH_WAITING)
		waiting(b, w, h);
	else if (h->kind == PUSH_RESOLVED)
		resolved(b, w, h);
	else
		session(b, w, h);
}
