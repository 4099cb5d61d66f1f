/* chatwoot_render: the objects of a world as Chatwoot shows them; see
 * chatwoot.h. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "tests/crm/chatwoot.h"
#include "tests/crm/render.h"

enum { INCOMING, OUTGOING, ACTIVITY, TEMPLATE };

int64_t
chatwoot_team(const struct world *w, const struct dialog *d)
{
	return w->opt.apart ? d->id % (CHATWOOT_TEAMS + 1) : 0;
}

bool
chatwoot_is_member(
    const struct world *w, int32_t who, int64_t inbox, int64_t team)
{
	return !w->opt.apart ||
	       ((inbox == 0 ||
		    world_channels[who % WORLD_CHANNELS].id == inbox) &&
		   (team == 0 || who % CHATWOOT_TEAMS + 1 == team));
}

void
chatwoot_add_team(struct buf *b, const struct world *w, const struct dialog *d)
{
	int64_t team = chatwoot_team(w, d);

	if (team == 0)
		return;
	buf_adds(b, ",\"team\":");
	jsonw_open(b);
	jsonw_int(b, "id", team);
	jsonw_str(b, "name", team == 1 ? "sales" : "support");
	jsonw_close(b);
}

const char *
chatwoot_status(const struct dialog *d)
{
	if (d->end != 0)
		return "resolved";
	return d->snoozed_at != 0 ? "snoozed" : "open";
}

int64_t
chatwoot_updated_at(const struct world *w, const struct dialog *d)
{
	const struct message *last = world_last(w, d);

	int64_t at = last != NULL ? last->at : d->begin;

	if (d->snoozed_at > at)
		at = d->snoozed_at;
	return d->labelled_at > at ? d->labelled_at : at;
}

/* A time in seconds; 0 for none. */
static void
seconds(struct buf *b, const char *key, int64_t ms)
{
	jsonw_int(b, key, ms / 1000);
}

static const char *
availability(const struct worker *o)
{
	return !o->online                ? "offline"
	       : o->offline_type != NULL ? "busy"
					 : "online";
}

void
chatwoot_agent(struct buf *b, const struct world *w, int32_t who)
{
	const struct worker *o = &w->operators[who];
	char *name = render_full_name(o);

	jsonw_open(b);
	jsonw_int(b, "id", o->id);
	jsonw_int(b, "account_id", 1);
	jsonw_str(b, "availability_status", availability(o));
	jsonw_bool(b, "auto_offline", true);
	jsonw_bool(b, "confirmed", true);
	buf_addf(b, ",\"email\":\"agent%d@example.test\"", (int)who);
	jsonw_str(b, "provider", "email");
	jsonw_str(b, "available_name", name);
	jsonw_str(b, "name", name);
	jsonw_str(b, "role", who == 0 ? "administrator" : "agent");
	jsonw_str(b, "thumbnail", "");
	jsonw_close(b);
	free(name);
}

void
chatwoot_contact(
    struct buf *b, const struct world *w, const struct dialog *d, bool typed)
{
	static const char *const names[] = { "Ann", "María José", "李雷",
		"Jo \"J\" Doe", "" };

	jsonw_open(b);
	buf_adds(b, "\"additional_attributes\":{},\"custom_attributes\":{}");
	jsonw_null(b, "email");
	jsonw_int(b, "id", render_client_id(w, d->client));
	jsonw_null(b, "identifier");
	jsonw_str(b, "name", names[d->client % 5]);
	if (d->client % 3 == 0)
		jsonw_null(b, "phone_number");
	else
		buf_addf(b, ",\"phone_number\":\"+4917%09d\"", (int)d->client);
	jsonw_str(b, "thumbnail", "");
	jsonw_bool(b, "blocked", false);
	if (typed)
		jsonw_str(b, "type", "contact");
	jsonw_close(b);
}

/* The text of an activity message, which names the person who made the change.
 * Owned. */
static char *
activity_text(const struct world *w, const struct message *m)
{
	const struct worker *o =
	    m->author != NO_OPERATOR ? &w->operators[m->author] : NULL;
	char *name = o != NULL ? render_full_name(o) : NULL, *text = NULL;

	switch (m->service) {
	case SERVICE_CLOSED:
		text = xasprintf("Conversation was marked resolved by %s",
		    m->id % 3 == 0 ? "system due to 7 days of inactivity"
				   : "Admin");
		break;
	case SERVICE_REOPENED:
		text = xstrdup(m->id % 2 == 0
				   ? "Conversation was reopened by Admin"
				   : "System reopened the conversation due to "
				     "a new incoming message.");
		break;
	case SERVICE_TRANSFERRED:
		if (name == NULL)
			text = xstrdup("Conversation unassigned by Admin");
		else if (m->id % 3 == 0)
			text = xasprintf(
			    "%s self-assigned this conversation", name);
		else if (m->id % 3 == 1)
			text = xasprintf("Assigned to %s by Admin", name);
		else
			text = xasprintf(
			    "Assigned to %s via sales by Admin", name);
		break;
	default:
		text = xstrdup("Admin added urgent");
		break;
	}
	free(name);
	return text;
}

/* Newer servers report which change of the status it was. */
static void
activity_attributes(
    struct buf *b, const struct world *w, const struct message *m)
{
	bool status =
	    m->service == SERVICE_CLOSED || m->service == SERVICE_REOPENED;

	if (status && w->opt.seed % 2 == 1)
		buf_addf(b,
		    ",\"content_attributes\":{\"activity\":{\"type\":"
		    "\"conversation_status_changed\",\"status\":\"%s\"}}",
		    m->service == SERVICE_CLOSED ? "resolved" : "open");
	else
		buf_adds(b, ",\"content_attributes\":{}");
}

static int
type_of(const struct message *m)
{
	switch ((enum message_type)m->type) {
	case FROM_CLIENT:
		return INCOMING;
	case TO_CLIENT:
	case COMMENT:
		return OUTGOING;
	case SYSTEM:
		return ACTIVITY;
	case AUTOREPLY:
	case UNTYPED:
		break;
	}
	return TEMPLATE;
}

static void
writer(struct buf *b, const struct world *w, int32_t who)
{
	const struct worker *o = &w->operators[who];
	char *name = render_full_name(o);

	jsonw_open(b);
	jsonw_int(b, "id", o->id);
	jsonw_str(b, "name", name);
	if (o->kind == ROBOT) {
		jsonw_str(b, "type", "agent_bot");
	} else {
		jsonw_str(b, "available_name", name);
		jsonw_str(b, "avatar_url", "");
		jsonw_str(b, "type", "user");
		jsonw_str(b, "availability_status", availability(o));
		jsonw_str(b, "thumbnail", "");
	}
	jsonw_close(b);
	free(name);
}

void
chatwoot_sender(
    struct buf *b, const struct world *w, const struct message *m, bool typed)
{
	int type = type_of(m);

	if (type != INCOMING && (type != OUTGOING || m->author == NO_OPERATOR))
		return;
	buf_adds(b, ",\"sender\":");
	if (type == INCOMING)
		chatwoot_contact(b, w, &w->dialogs[m->dialog], typed);
	else
		writer(b, w, m->author);
}

void
chatwoot_content(struct buf *b, const struct world *w, const struct message *m)
{
	char *line = type_of(m) == ACTIVITY ? activity_text(w, m) : NULL;

	if (line != NULL)
		jsonw_str(b, "content", line);
	else if (m->text < WORLD_TEXTS)
		jsonw_str(b, "content", render_text(m));
	else
		jsonw_null(b, "content");
	jsonw_str(
	    b, "content_type", m->type == UNTYPED ? "input_csat" : "text");
	if (line == NULL && m->text >= WORLD_TEXTS)
		buf_adds(b, ",\"attachments\":[{\"id\":1,\"file_type\":"
			    "\"image\"}]");
	free(line);
}

void
chatwoot_message(struct buf *b, const struct world *w, const struct message *m)
{
	const struct dialog *d = &w->dialogs[m->dialog];
	int type = type_of(m);

	jsonw_open(b);
	jsonw_int(b, "id", m->id);
	chatwoot_content(b, w, m);
	jsonw_int(b, "inbox_id", world_channels[d->channel].id);
	jsonw_int(b, "conversation_id", d->id);
	jsonw_int(b, "message_type", type);
	jsonw_str(b, "status", "sent");
	if (type == ACTIVITY)
		activity_attributes(b, w, m);
	else
		buf_adds(b, ",\"content_attributes\":{}");
	seconds(b, "created_at", m->at);
	jsonw_bool(b, "private", m->type == COMMENT);
	jsonw_null(b, "source_id");
	chatwoot_sender(b, w, m, true);
	jsonw_close(b);
}

/* An agent who left the account is not an assignee. */
void
chatwoot_assignee(struct buf *b, const struct world *w, const struct dialog *d)
{
	const struct worker *o =
	    d->assignee != NO_OPERATOR ? &w->operators[d->assignee] : NULL;

	if (o == NULL || (o->kind != ROBOT && !worker_is_agent(o)))
		return;
	buf_adds(b, ",\"assignee\":");
	if (o->kind == ROBOT)
		buf_addf(
		    b, "{\"id\":%lld,\"name\":\"Robot\"}", (long long)o->id);
	else
		chatwoot_agent(b, w, d->assignee);
	jsonw_str(b, "assignee_type", o->kind == ROBOT ? "AgentBot" : "User");
}

void
chatwoot_labels(struct buf *b, const struct dialog *d)
{
	buf_adds(b, d->labelled_at != 0 ? ",\"labels\":[\"new\",\"vip\"]"
		    : d->id % 4 == 0    ? ",\"labels\":[\"urgent\",\"vip\"]"
					: ",\"labels\":[]");
}

void
chatwoot_conversation(
    struct buf *b, const struct world *w, const struct dialog *d)
{
	const struct message *last = world_last(w, d);
	int64_t updated = chatwoot_updated_at(w, d);
	int64_t active = last != NULL ? last->at : d->begin;

	buf_adds(b, "{\"meta\":{\"sender\":");
	chatwoot_contact(b, w, d, false);
	jsonw_str(b, "channel", "Channel::WebWidget");
	chatwoot_assignee(b, w, d);
	chatwoot_add_team(b, w, d);
	jsonw_bool(b, "hmac_verified", false);
	buf_addc(b, '}');
	jsonw_int(b, "id", d->id);
	buf_adds(b, ",\"messages\":[");
	if (last != NULL)
		chatwoot_message(b, w, last);
	buf_addc(b, ']');
	jsonw_int(b, "account_id", 1);
	buf_adds(b, ",\"additional_attributes\":{}");
	seconds(b, "agent_last_seen_at", 0);
	jsonw_bool(b, "can_reply", true);
	buf_adds(b, ",\"custom_attributes\":{}");
	jsonw_int(b, "inbox_id", world_channels[d->channel].id);
	chatwoot_labels(b, d);
	jsonw_bool(b, "muted", false);
	jsonw_null(b, "snoozed_until");
	jsonw_str(b, "status", chatwoot_status(d));
	seconds(b, "created_at", d->begin);
	buf_addf(b, ",\"updated_at\":%lld.%03d", (long long)(updated / 1000),
	    (int)(updated % 1000));
	seconds(b, "timestamp", active);
	seconds(b, "first_reply_created_at", 0);
	jsonw_int(b, "unread_count", 0);
	seconds(b, "last_activity_at", active);
	jsonw_null(b, "priority");
	seconds(b, "waiting_since", 0);
	jsonw_null(b, "sla_policy_id");
	jsonw_close(b);
}
