/*
 * chatwoot_push: the webhooks of Chatwoot. Each shows the whole conversation.
 * Some types differ from those of the API: the time of a message is a text, its
 * type is a name, and a contact has no type. Activity messages are not sent.
 * See chatwoot.h.
 */
#include "common/json/jsonw.h"
#include "tests/crm/chatwoot.h"

#define ACCOUNT ",\"account\":{\"id\":1,\"name\":\"Simulated Company\"}"

/* The newest message that is neither an activity nor private. */
static const struct message *
last_public(const struct world *w, const struct dialog *d)
{
	for (size_t i = d->messages_n; i-- > 0;) {
		const struct message *m = &w->messages[d->messages[i]];

		if (m->type != SYSTEM && m->type != COMMENT)
			return m;
	}
	return NULL;
}

/* The members of a conversation. */
static void
conversation(struct buf *b, const struct world *w, const struct dialog *d)
{
	const struct message *last = last_public(w, d);
	int64_t updated = chatwoot_updated_at(w, d);
	int64_t active = world_last(w, d)->at / 1000;

	jsonw_int(b, "id", d->id);
	buf_adds(b, ",\"additional_attributes\":{},\"can_reply\":true,"
		    "\"channel\":\"Channel::WebWidget\",\"custom_attributes\":"
		    "{},\"contact_inbox\":{\"id\":1}");
	jsonw_int(b, "inbox_id", world_channels[d->channel].id);
	chatwoot_labels(b, d);
	buf_adds(b, ",\"messages\":[");
	if (last != NULL)
		chatwoot_message(b, w, last);
	buf_adds(b, "],\"meta\":{\"sender\":");
	chatwoot_contact(b, w, d, false);
	chatwoot_assignee(b, w, d);
	if (chatwoot_team(w, d) == 0)
		jsonw_null(b, "team");
	chatwoot_add_team(b, w, d);
	buf_adds(b, ",\"hmac_verified\":false},\"priority\":null,"
		    "\"snoozed_until\":null,\"unread_count\":0,"
		    "\"first_reply_created_at\":null,\"waiting_since\":0");
	jsonw_str(b, "status", chatwoot_status(d));
	jsonw_int(b, "last_activity_at", active);
	jsonw_int(b, "timestamp", active);
	jsonw_int(b, "created_at", d->begin / 1000);
	buf_addf(b, ",\"updated_at\":%lld.%03d", (long long)(updated / 1000),
	    (int)(updated % 1000));
}

static void
message(struct buf *b, const struct world *w, const struct message *m)
{
	static const char *const types[] = {
		[FROM_CLIENT] = "incoming",
		[TO_CLIENT] = "outgoing",
		[COMMENT] = "outgoing",
		[AUTOREPLY] = "template",
		[UNTYPED] = "template",
	};
	const struct dialog *d = &w->dialogs[m->dialog];

	jsonw_int(b, "id", m->id);
	chatwoot_content(b, w, m);
	buf_adds(b, ",\"additional_attributes\":{},\"content_attributes\":{}");
	jsonw_time(b, "created_at", m->at);
	jsonw_str(b, "message_type", types[m->type]);
	jsonw_bool(b, "private", m->type == COMMENT);
	jsonw_null(b, "source_id");
	buf_addf(b, ",\"inbox\":{\"id\":%lld,\"name\":\"Inbox\"}",
	    (long long)world_channels[d->channel].id);
	chatwoot_sender(b, w, m, false);
	buf_adds(b, ",\"conversation\":");
	jsonw_open(b);
	conversation(b, w, d);
	jsonw_close(b);
}

static void
agent_id(struct buf *b, const char *key, const struct world *w, int32_t who)
{
	if (who == NO_OPERATOR)
		jsonw_null(b, key);
	else
		jsonw_int(b, key, w->operators[who].id);
}

/* Adds which attributes changed, with their old and new values. */
static void
changes(struct buf *b, const struct world *w, const struct event *h)
{
	buf_adds(b, ",\"changed_attributes\":[");
	if (h->kind == PUSH_STATUS) {
		buf_adds(b, h->is_new ? "{\"status\":{\"previous_value\":"
					"\"resolved\",\"current_value\":"
					"\"open\"}},"
				      : "{\"status\":{\"previous_value\":"
					"\"open\",\"current_value\":"
					"\"resolved\"}},");
	} else if (h->kind == PUSH_ASSIGNEE) {
		buf_adds(b, "{\"assignee_id\":");
		jsonw_open(b);
		agent_id(b, "previous_value", w, h->before);
		agent_id(b, "current_value", w, h->who);
		jsonw_close(b);
		buf_adds(b, "},");
	} else {
		buf_adds(b, "{\"label_list\":{\"previous_value\":[],"
			    "\"current_value\":[\"new\",\"vip\"]}},");
	}
	buf_adds(b, "{\"updated_at\":");
	jsonw_open(b);
	jsonw_null(b, "previous_value");
	jsonw_time(b, "current_value", h->at);
	jsonw_close(b);
	buf_adds(b, "}]");
}

static void
send(struct push *p, const struct world *w, const struct event *h,
    const char *event, bool tells)
{
	const char *url = w->webhooks[0].url, *secret = w->opt.webhook_secret;
	struct buf b = BUF_INIT;

	if (!w->webhooks[0].on)
		(void)chatwoot_hook_here(w, &url, &secret);

	jsonw_open(&b);
	jsonw_str(&b, "event", event);
	buf_adds(&b, ACCOUNT);
	if (h->kind == PUSH_MESSAGE)
		message(&b, w, &w->messages[h->message]);
	else
		conversation(&b, w, &w->dialogs[h->dialog]);
	if (tells)
		changes(&b, w, h);
	else if (h->kind != PUSH_MESSAGE)
		jsonw_null(&b, "changed_attributes");
	jsonw_close(&b);
	push_add(p, url, buf_str(&b), secret);
	buf_release(&b);
}

void
chatwoot_push(struct push *p, const struct world *w, const struct event *h)
{
	const char *url, *secret;

	if ((!w->webhooks[0].on && !chatwoot_hook_here(w, &url, &secret)) ||
	    w->dialogs[h->dialog].messages_n == 0)
		return;
	if (h->kind == PUSH_CREATED) {
		send(p, w, h, "conversation_created", false);
	} else if (h->kind == PUSH_MESSAGE) {
		send(p, w, h, "message_created", false);
		if (w->messages[h->message].id % 3 == 0) /* delivered */
			send(p, w, h, "message_updated", false);
	} else {
		send(p, w, h, "conversation_updated", true);
		if (h->kind == PUSH_STATUS)
			send(p, w, h, "conversation_status_changed", false);
	}
}
