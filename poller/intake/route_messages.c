/*
 * route_messages: POST /api/v1/messages/send, a message from an application. It
 * becomes a message record, always with its text. Errors are a line of plain
 * text, as in the original service.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/json/jsonw.h"
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
	const char *writer; /* what the sender is: "operator", ... */
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
read_message(struct collect *c, struct sent_message *m)
{
	json_t *v[VALIDATE_FIELDS];

	validate_object(
	    &c->errors, &collect_body, &route_model_send, c->body, v);
	if (c->errors.n > 0) {
		answer_invalid(c->a, buf_str(&c->errors.first));
		return false;
	}
	*m = (struct sent_message){ .chat = nonempty_text(v[SEND_CONVERSATION]),
		.from = json_string_value(v[SEND_SENDER]),
		.to = nonempty_text(v[SEND_RECEIVER]),
		.text = nonempty_text(v[SEND_CONTENT]),
		.kind = nonempty_text(v[SEND_TYPE]),
		.channel = nonempty_text(v[SEND_CHANNEL]) };
	if (m->chat == NULL && m->to == NULL) {
		answer_invalid(
		    c->a, "conversation_id or receiver_id is required");
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

/* Senders other than the tenant's operators and bots are customers. */
static const char *
find_writer(const struct conf *c, const char *tenant, const char *sender)
{
	const char *writer = "customer";
	char *section;

	if (!conf_has_tenant(c, tenant))
		return writer;
	section = xasprintf("crm %s", tenant);
	if (text_is_listed(sender, conf_list(c, section, "bot_operators")))
		writer = "bot";
	else if (text_is_listed(sender, conf_list(c, section, "operators")))
		writer = "operator";
	free(section);
	return writer;
}

static void
write_message_record(const struct collect *c, const struct sent_message *m)
{
	struct buf *b = &c->a->records;

	jsonw_open_record(b, "message", c->sender.tenant);
	jsonw_str(b, "id", m->id);
	jsonw_str(b, "chat", m->chat);
	add_optional(b, "channel", m->channel);
	jsonw_time(b, "at", c->first.at);
	jsonw_str(b, "from", m->writer);
	jsonw_str(b, "user", m->from);
	if (strcmp(m->writer, "operator") == 0)
		jsonw_str(b, "operator", m->from);
	add_optional(b, "to", m->to);
	jsonw_str(b, "kind", m->kind != NULL ? m->kind : "text");
	add_optional(b, "text", m->text);
	jsonw_line(b);
	c->a->records_n++;
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

/* A collect_write. The message's id is made from the key of its request, or
 * new. */
static bool
write_message(struct collect *c, void *ctx)
{
	struct sent_message *m = ctx;

	if (c->key != NULL)
		route_key_id(c->key, c->r, &c->first, m->id);
	else
		route_message_id(m->id);
	write_message_record(c, m);
	if (c->a->records.len > RECORD_MAX_LINE) {
		route_clear_answer(c->a);
		answer_invalid(c->a, "content is too long");
		return false;
	}
	write_send_answer(m, c->a);
	return true;
}

static void
send_message(struct collect *c, struct sent_message *m)
{
	if (!route_key(c->r, &c->key)) {
		answer_invalid(c->a, "Idempotency-Key");
		return;
	}
	m->writer = find_writer(c->in->conf, c->sender.tenant, m->from);
	if (!collect_once(c, "message", write_message, m))
		answer_invalid(
		    c->a, "Idempotency-Key belongs to another request");
}

/* Without a token the route serves only [listen] tenant and trusted clients. */
static bool
is_there(struct collect *c)
{
	const char *tenant = c->in->tenant;

	if (c->sender.by_token)
		return true;
	if (tenant == NULL) {
		route_detail(c->a, 404, "Not Found");
		return false;
	}
	if (!route_is_trusted(c->in, c->r, 404, c->a))
		return false;
	memcpy(c->sender.tenant, tenant, strlen(tenant) + 1);
	return true;
}

void
route_messages_send(const struct listener_context *in,
    const struct web_request *r, struct web_answer *a)
{
	struct collect c = { .in = in, .r = r, .a = a };
	struct json_read_error fault;
	struct sent_message m;

	if (!route_token(in, r, a, &c.sender) || !is_there(&c))
		return;
	c.body = json_read_strictly(r->body, r->len, &fault);
	if (c.body == NULL)
		answer_invalid(a, NULL);
	else if (read_message(&c, &m))
		send_message(&c, &m);
	collect_end(&c);
}
