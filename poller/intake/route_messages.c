/*
 * route_messages: POST /api/v1/messages/send, a message from an application. It
 * becomes a message record, always with its text. Errors are a line of plain
 * text, as in the original service.
 */
#include <string.h>

#include "common/text/jsonw.h"
#include "poller/crm/json_read.h"
#include "poller/intake/listener_context.h"
#include "poller/intake/route.h"

#define TEXT_MAX 65536 /* in characters */

enum {
	SEND_CONVERSATION,
	SEND_SENDER,
	SEND_RECEIVER,
	SEND_CONTENT,
	SEND_TYPE,
	SEND_CHANNEL
};

static const struct validate_field fields[] = {
	{ "conversation_id", VALIDATE_NAME, VALIDATE_OPTIONAL, RECORD_MAX_ID,
	    NULL },
	{ "sender_id", VALIDATE_ID, VALIDATE_REQUIRED, RECORD_MAX_ID, NULL },
	{ "receiver_id", VALIDATE_NAME, VALIDATE_OPTIONAL, RECORD_MAX_ID,
	    NULL },
	{ "content", VALIDATE_TEXT, VALIDATE_OPTIONAL, TEXT_MAX, NULL },
	{ "message_type", VALIDATE_NAME, VALIDATE_OPTIONAL, 64, NULL },
	{ "channel_id", VALIDATE_NAME, VALIDATE_OPTIONAL, RECORD_MAX_ID, NULL },
};

const struct validate_model route_model_send =
    VALIDATE_MODEL("MessageRequest", fields);

/* The request. Texts are borrowed; absent ones are NULL. */
struct sent_message {
	const char *chat, *from, *to, *text, *kind, *channel;
	enum known_operator by;
	char id[ROUTE_KEY_ID], own_chat[ROUTE_ID];
};

static void
answer_invalid(struct web_answer *a, const char *why)
{
	a->status = 400;
	a->content_type = "text/plain; charset=utf-8";
	buf_adds(&a->body, "Invalid request");
	if (why != NULL)
		buf_addf(&a->body, ": %s", why);
	buf_addc(&a->body, '\n');
}

/* Returns a text that is not empty, or NULL. */
static const char *
nonempty_text(const json_t *v)
{
	const char *s = json_string_value(v);

	return s != NULL && *s != '\0' ? s : NULL;
}

static bool
read_message(struct sent_message *m, json_t *body, struct web_answer *a)
{
	struct validate_place at = { NULL, "body", 0 };
	struct validate_errors errors = { .n = 0 };
	json_t *v[VALIDATE_FIELDS];
	bool good;

	validate_object(&errors, &at, &route_model_send, body, v);
	good = errors.n == 0;
	if (!good)
		answer_invalid(a, buf_str(&errors.first));
	validate_release(&errors);
	if (!good)
		return false;
	*m = (struct sent_message){ .chat = nonempty_text(v[SEND_CONVERSATION]),
		.from = json_string_value(v[SEND_SENDER]),
		.to = nonempty_text(v[SEND_RECEIVER]),
		.text = nonempty_text(v[SEND_CONTENT]),
		.kind = nonempty_text(v[SEND_TYPE]),
		.channel = nonempty_text(v[SEND_CHANNEL]) };
	if (m->chat == NULL && m->to == NULL) {
		answer_invalid(a, "conversation_id or receiver_id is required");
		return false;
	}
	if (m->chat == NULL) {
		route_conversation(m->from, m->to, m->own_chat);
		m->chat = m->own_chat;
	}
	return true;
}

static void
add_optional(struct buf *b, const char *name, const char *value)
{
	if (value != NULL)
		jsonw_str(b, name, value);
}

static const char *
writer(enum known_operator by)
{
	switch (by) {
	case KNOWN_OPERATOR_PERSON:
		return "operator";
	case KNOWN_OPERATOR_BOT:
		return "bot";
	case KNOWN_OPERATOR_NONE:
		break;
	}
	return "customer";
}

static void
write_message_record(const struct sent_message *m, const char *tenant,
    int64_t at, struct web_answer *a)
{
	struct buf *b = &a->records;

	jsonw_open_record(b, "message", tenant);
	jsonw_str(b, "id", m->id);
	jsonw_str(b, "chat", m->chat);
	add_optional(b, "channel", m->channel);
	jsonw_time(b, "at", at);
	jsonw_str(b, "from", writer(m->by));
	jsonw_str(b, "user", m->from);
	if (m->by == KNOWN_OPERATOR_PERSON)
		jsonw_str(b, "operator", m->from);
	add_optional(b, "to", m->to);
	jsonw_str(b, "kind", m->kind != NULL ? m->kind : "text");
	add_optional(b, "text", m->text);
	jsonw_line(b);
	a->records_n++;
}

static void
write_send_answer(const struct sent_message *m, struct web_answer *a)
{
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", "success");
	jsonw_str(&a->body, "message_id", m->id);
	jsonw_str(&a->body, "conversation_id", m->chat);
	jsonw_line(&a->body);
}

/* Assigns an id to the message, made from the key of its request or new. */
static void
name_message(struct sent_message *m, const struct web_request *r,
    const char *key, const struct idempotent *first)
{
	if (key != NULL)
		route_key_id(key, r, first, m->id);
	else
		route_message_id(m->id);
}

/* A repeated request gets the same answer. A message that does not fit leaves
 * its key unused. Therefore the record is written first, and written again if
 * the request had already arrived. */
static void
send_message(const struct listener_context *in, const struct web_request *r,
    const struct sender *s, struct sent_message *m, struct web_answer *a)
{
	struct idempotent first = { .at = r->now_ms };
	const char *key;

	if (!route_key(r, &key)) {
		answer_invalid(a, "Idempotency-Key");
		return;
	}
	name_message(m, r, key, &first);
	m->by =
	    known_operators_find(in->operators, s->tenant, m->from, r->now_ms);
	first.note = m->by;
	write_message_record(m, s->tenant, r->now_ms, a);
	if (a->records.len > RECORD_MAX_LINE) {
		route_clear_answer(a);
		answer_invalid(a, "content is too long");
		return;
	}
	switch (route_first(in, r, s, "message", key, &first)) {
	case IDEMPOTENCY_OTHER:
		route_clear_answer(a);
		answer_invalid(a, "Idempotency-Key belongs to another request");
		return;
	case IDEMPOTENCY_FAILED:
		route_clear_answer(a);
		route_busy(a);
		return;
	case IDEMPOTENCY_AGAIN:
		route_clear_answer(a);
		m->by = (enum known_operator)first.note;
		name_message(m, r, key, &first);
		write_message_record(m, s->tenant, first.at, a);
		break;
	case IDEMPOTENCY_NEW:
		break;
	}
	write_send_answer(m, a);
}

/* Without a token the route serves only [listen] tenant and trusted clients. */
static bool
is_there(const struct listener_context *in, const struct web_request *r,
    struct sender *s, struct web_answer *a)
{
	if (s->by_token)
		return true;
	if (in->tenant == NULL) {
		route_detail(a, 404, "Not Found");
		return false;
	}
	if (!route_is_trusted(in, r, 404, a))
		return false;
	memcpy(s->tenant, in->tenant, strlen(in->tenant) + 1);
	return true;
}

void
route_messages_send(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	struct sender s = { .by_token = false };
	struct json_read_error fault;
	struct sent_message m;
	json_t *body;

	if (!route_token(in, r, a, &s) || !is_there(in, r, &s, a))
		return;
	body = json_read_strictly(r->body, r->len, &fault);
	if (body == NULL)
		answer_invalid(a, NULL);
	else if (read_message(&m, body, a))
		send_message(in, r, &s, &m, a);
	json_decref(body);
}
