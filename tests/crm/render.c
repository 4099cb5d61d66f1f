/* render: see render.h. */
#include "tests/crm/render.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"

static const char *const texts[WORLD_TEXTS] = {
	"Hello",
	"Where is my order?",
	"I will check.",
	"Спасибо, жду",
	"\"Quoted\", with a \\ and a\ttab",
	"two\nlines",
	"smile \xf0\x9f\x98\x80",
	"",
	"Please wait a minute",
	"Any news?",
	"Your parcel is at the depot in Main Street 12, open from 8 to 20",
	"ok",
	"null",
	"{\"looks\":\"like json\"}",
	"1234567890123456789012345678901234567890",
	"Здравствуйте! Чем можем помочь?",
};

const char *
render_text(const struct message *m)
{
	return texts[m->text];
}

void
render_time(struct buf *b, const char *key, int64_t ms)
{
	char text[CLOCK_TEXT];

	if (ms == 0) {
		jsonw_null(b, key);
		return;
	}
	clock_format(ms, text);
	memcpy(text + 19, " UTC", 5);
	jsonw_str(b, key, text);
}

void
render_id(struct buf *b, const char *key, int64_t id)
{
	if (id == 0)
		jsonw_null(b, key);
	else
		jsonw_int(b, key, id);
}

static int64_t
operator_id(const struct world *w, int32_t who)
{
	return who == NO_OPERATOR ? 0 : w->operators[who].id;
}

char *
render_full_name(const struct worker *o)
{
	return xasprintf("%s%s%s", o->first_name,
	    *o->last_name != '\0' ? " " : "", o->last_name);
}

static const char *
role_of(const struct worker *o)
{
	switch (o->kind) {
	case HUMAN:
		return o->id % 4 == 2 ? "supervisor" : "operator";
	case ROBOT:
		return "operator";
	case DISABLED:
		return "disabled";
	case DELETED:
		return "deleted";
	}
	return "unconfirmed";
}

static const char *
operator_status(const struct worker *o)
{
	switch (o->kind) {
	case HUMAN:
	case ROBOT:
		return "enabled";
	case DISABLED:
		return "disabled";
	case DELETED:
		return "deleted";
	}
	return "enabled";
}

void
render_operator(struct buf *b, const struct world *w, const struct worker *o)
{
	jsonw_open(b);
	jsonw_int(b, "id", o->id);
	buf_addf(
	    b, ",\"email\":\"op%d@example.test\"", (int)(o - w->operators));
	jsonw_null(b, "phone");
	jsonw_str(b, "role", role_of(o));
	jsonw_null(b, "access_right_id");
	jsonw_null(b, "access_right_name");
	jsonw_int(b, "online", o->online);
	if (o->offline_type == NULL)
		jsonw_null(b, "offline_type");
	else
		jsonw_str(b, "offline_type", o->offline_type);
	jsonw_null(b, "avatar");
	jsonw_int(
	    b, "opened_dialogs", world_load(w, (int32_t)(o - w->operators)));
	jsonw_str(b, "first_name", o->first_name);
	jsonw_str(b, "last_name", o->last_name);
	jsonw_null(b, "external_id");
	render_time(b, "last_visit", o->kind == DELETED ? 0 : w->now);
	jsonw_int(b, "status_id", o->offline_type != NULL);
	jsonw_bool(b, "two_factor", false);
	jsonw_str(b, "status", operator_status(o));
	jsonw_close(b);
}

static const char *
type_name(enum message_type type)
{
	switch (type) {
	case FROM_CLIENT:
		return "from_client";
	case TO_CLIENT:
		return "to_client";
	case AUTOREPLY:
		return "autoreply";
	case SYSTEM:
		return "system";
	case COMMENT:
		return "comment";
	case UNTYPED:
		break;
	}
	return NULL;
}

static void
add_text(struct buf *b, const struct message *m)
{
	static const char *const service_texts[] = { "", "Chat closed",
		"Chat reopened", "Chat transferred" };

	if (m->service != SERVICE_NOTHING)
		jsonw_str(b, "text", service_texts[m->service]);
	else if (m->text >= WORLD_TEXTS)
		jsonw_null(b, "text");
	else
		jsonw_str(b, "text", texts[m->text]);
}

static void
add_told(struct buf *b, const struct world *w, const struct message *m)
{
	static const char *const names[] = { "", "close_dialog",
		"reopen_dialog", "transfer" };

	if (m->service == SERVICE_NOTHING)
		return;
	jsonw_str(b, "system_type", names[m->service]);
	if (m->service == SERVICE_TRANSFERRED)
		render_id(b, "operator_id", operator_id(w, m->author));
}

void
render_message(struct buf *b, const struct world *w, const struct message *m)
{
	const struct dialog *d = &w->dialogs[m->dialog];
	const struct channel *c = &world_channels[d->channel];
	const char *type = type_name(m->type);

	jsonw_open(b);
	jsonw_int(b, "id", m->id);
	add_text(b, m);
	if (type == NULL)
		jsonw_null(b, "type");
	else
		jsonw_str(b, "type", type);
	render_time(b, "created", m->at);
	jsonw_str(b, "transport", c->transport);
	jsonw_int(b, "read", m->read);
	buf_adds(b, ",\"coordinates\":null,\"pdf\":null,\"photo\":");
	buf_adds(b,
	    m->text >= WORLD_TEXTS && !m->service ? "\"/img/a.jpg\"" : "null");
	buf_adds(b, ",\"video\":null,\"audio\":null,\"attachments\":[],"
		    "\"remote_id\":null,\"recipient_status\":null,"
		    "\"ai_tips\":null");
	render_id(b, "operator_id", operator_id(w, m->author));
	jsonw_int(b, "channel_id", c->id);
	jsonw_int(b, "dialog_id", d->id);
	jsonw_int(b, "client_id", render_client_id(w, d->client));
	if (w->opt.request_ids)
		jsonw_int(b, "request_id", w->requests[m->request].id);
	buf_adds(b, ",\"is_new\":0,\"status\":null,\"extra_data\":{");
	add_told(b, w, m);
	buf_adds(b, "}}");
}

void
render_dialog(struct buf *b, const struct world *w, const struct dialog *d)
{
	const struct message *last = world_last(w, d);

	jsonw_open(b);
	jsonw_int(b, "id", d->id);
	jsonw_str(b, "state", d->end == 0 ? "open" : "closed");
	render_time(b, "begin", d->begin);
	render_time(b, "end", d->end);
	render_id(b, "operator_id", operator_id(w, d->assignee));
	if (d->id % 5 == 0) { /* seen as a string too */
		buf_addf(b, ",\"messages\":\"%zu\"", d->messages_n);
	} else {
		jsonw_int(b, "messages", (int64_t)d->messages_n);
	}
	if (w->opt.request_ids && d->request >= 0)
		jsonw_int(b, "last_request_id", w->requests[d->request].id);
	if (last == NULL) {
		jsonw_null(b, "last_message");
	} else {
		buf_adds(b, ",\"last_message\":");
		render_message(b, w, last);
	}
	jsonw_close(b);
}

int64_t
render_client_id(const struct world *w, int64_t client)
{
	return w->opt.id_base + 40001 + client;
}

int64_t
render_client_number(const struct world *w, int64_t id)
{
	int64_t n = id - w->opt.id_base - 40001;

	return n >= 0 && n < (int64_t)w->dialogs_n ? n : -1;
}

static void
client_tags(struct buf *b, struct rng *r)
{
	static const char *const tags[] = { "VIP", "Новый",
		"returns, \"urgent\"", "wholesale" };

	buf_adds(b, ",\"tags\":[");
	for (int64_t n = rng_below(r, 5) - 2, i = 0; i < n; i++) {
		int64_t tag = rng_below(r, 4);

		if (i > 0)
			buf_addc(b, ',');
		jsonw_open(b);
		jsonw_int(b, "id", 5 + tag);
		jsonw_str(b, "label", tags[tag]);
		buf_adds(b, ",\"description\":\"\",\"group_id\":1,"
			    "\"group_name\":\"Level\"}");
	}
	buf_addc(b, ']');
}

/* The time of the client's first or last message, 0 for none. */
static int64_t
client_time(const struct world *w, int64_t client, bool first)
{
	int64_t best = 0;

	for (size_t i = 0; i < w->dialogs_n; i++) {
		const struct dialog *d = &w->dialogs[i];

		for (size_t j = 0; d->client == client && j < d->messages_n;
		     j++) {
			const struct message *m = &w->messages[d->messages[j]];

			if (m->type == FROM_CLIENT &&
			    (best == 0 || (m->at < best) == first))
				best = m->at;
		}
	}
	return best;
}

/* Adds the client's phone. Some channels have no phone number; they use an id
 * of the channel instead, and in the name if `called`. */
static void
add_phones(struct buf *b, struct rng *r, bool called)
{
	int64_t kind = rng_below(r, 4);
	char *phone =
	    kind == 0
		? xasprintf("[chat] %llx", (unsigned long long)rng_next(r))
	    : kind == 1 ? xasprintf("[tg] %d", (int)rng_below(r, 1000000))
			: xasprintf("4912%08d", (int)rng_below(r, 100000000));

	jsonw_str(b, "phone", phone);
	if (called)
		jsonw_str(b, "name", phone);
	if (kind == 1 || kind == 2)
		buf_addf(b, ",\"client_phone\":\"+49 30 %06d\"",
		    (int)rng_below(r, 1000000));
	else
		jsonw_null(b, "client_phone");
	free(phone);
}

void
render_client(struct buf *b, const struct world *w, int64_t client)
{
	static const char *const names[] = { "Ivan", "unknown", "María José",
		"Ольга", "x", "Jo \"J\" Doe", "李雷" };
	struct rng r = rng_seeded(w->opt.seed, 500000000 + (uint64_t)client);
	int64_t name = rng_below(&r, 9);

	jsonw_open(b);
	jsonw_int(b, "id", render_client_id(w, client));
	add_phones(b, &r, name == 8);
	if (name == 7)
		jsonw_null(b, "name");
	else if (name < 7)
		jsonw_str(b, "name", names[name]);
	jsonw_null(b, "username");
	jsonw_null(b, "comment");
	if (rng_chance(&r, 200))
		jsonw_str(b, "assigned_name", "Ivan P.");
	else
		jsonw_null(b, "assigned_name");
	buf_adds(b, ",\"avatar\":null,\"region_id\":null,\"country_id\":null");
	render_time(b, "first_client_message", client_time(w, client, true));
	render_time(b, "last_client_message", client_time(w, client, false));
	buf_adds(b, ",\"extra_comment_1\":null,\"extra_comment_2\":null,"
		    "\"extra_comment_3\":null,\"custom_fields\":{},"
		    "\"client_external_id\":null,\"external_id\":null,"
		    "\"external_ids\":{},\"channels\":[]");
	client_tags(b, &r);
	jsonw_close(b);
}
