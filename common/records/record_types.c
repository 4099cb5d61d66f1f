/*
 * record_types: the tables of all record types and fields: how a field is read,
 * which types may or must have it; and the words of the enumerations. A test
 * compares messaging-records(5) with the tables.
 */
#include "common/base/xalloc.h"
#include "common/records/record.h"

#define SNAP (1u << RECORD_SNAPSHOT)
#define OPER (1u << RECORD_OPERATOR)
#define CHAT (1u << RECORD_CHAT)
#define MESS (1u << RECORD_MESSAGE)
#define VIEW (1u << RECORD_VIEW)
#define EVEN (1u << RECORD_EVENT)
#define ASSI (1u << RECORD_ASSIGNMENT)
#define LIMI (1u << RECORD_LIMIT)
#define ROW (1u << RECORD_ROW)
#define CLOC (1u << RECORD_CLOCK)
#define ALL (SNAP | OPER | CHAT | MESS | VIEW | EVEN | ASSI | LIMI | ROW | CLOC)

const struct record_type_info record_types[RECORD_TYPES] = {
	[RECORD_UNKNOWN] = { "", "a type of a later version, skipped" },
	[RECORD_SNAPSHOT] = { "snapshot",
	    "begin or end of a tenant's snapshot" },
	[RECORD_OPERATOR] = { "operator", "who answers" },
	[RECORD_CHAT] = { "chat", "a conversation and its state" },
	[RECORD_MESSAGE] = { "message", "who wrote what and when" },
	[RECORD_VIEW] = { "view", "a read receipt" },
	[RECORD_EVENT] = { "event", "something a user did" },
	[RECORD_ASSIGNMENT] = { "assignment",
	    "a chat reserved for an operator" },
	[RECORD_LIMIT] = { "limit", "how many chats an operator may be given" },
	[RECORD_ROW] = { "row", "a full row of a table" },
	[RECORD_CLOCK] = { "clock", "what time it is for a tenant" },
};

#define AT(member) offsetof(struct record, member)

const struct record_field record_fields[] = {
	{ "tenant", FIELD_TENANT, AT(tenant), ALL, ALL,
	    "the company, a [crm NAME] section" },
	{ "snapshot", FIELD_ID, AT(snapshot), ALL, SNAP,
	    "the snapshot this line belongs to" },
	{ "state", FIELD_STATE, AT(state), SNAP, SNAP,
	    "begin, end or applied" },
	{ "records", FIELD_COUNT, AT(records), SNAP | CHAT, 0,
	    "lines between the markers; the end marker must have it; of a chat "
	    "that is gone: how many the answer says are gone" },
	{ "bucket", FIELD_COUNT, AT(bucket), SNAP, 0,
	    "whose lines the markers stand for, 0 to 63; 64: of what concerns "
	    "all; absent: all lines" },
	{ "id", FIELD_ID, AT(id), MESS | EVEN | ASSI, MESS | EVEN | ASSI,
	    "identity within tenant and chat (events: tenant)" },
	{ "chat", FIELD_ID, AT(chat), CHAT | MESS | VIEW | EVEN | ASSI,
	    CHAT | MESS | ASSI, "the chat" },
	{ "at", FIELD_TIME, AT(at),
	    SNAP | OPER | CHAT | MESS | VIEW | EVEN | ASSI | LIMI | CLOC,
	    MESS | VIEW | CLOC,
	    "when it happened; of a chat or operator: when the CRM was asked" },
	{ "from", FIELD_FROM, AT(from), MESS, MESS,
	    "customer, operator, bot or system" },
	{ "user", FIELD_ID, AT(user), MESS | VIEW | EVEN, VIEW,
	    "who wrote, viewed or did it" },
	{ "operator", FIELD_ID, AT(operator_id),
	    OPER | CHAT | MESS | ASSI | LIMI, OPER | ASSI,
	    "of a chat: who holds it; of a message: the writer, or whom a "
	    "system message names; of a limit: whose it is" },
	{ "to", FIELD_ID, AT(to), MESS, 0, "whom it was written to" },
	{ "channel", FIELD_ID, AT(channel), CHAT | MESS | EVEN | LIMI, 0,
	    "the channel it came through; of a limit: whose it is" },
	{ "private", FIELD_FLAG, AT(is_private), MESS, 0,
	    "a note the customer never sees" },
	{ "automated", FIELD_FLAG, AT(automated), MESS, 0,
	    "autoreply, template, campaign, survey" },
	{ "kind", FIELD_TEXT, AT(kind), MESS, 0,
	    "text, image, ...; of system: opened, closed, assigned, handoff, "
	    "other" },
	{ "updated_at", FIELD_TIME, AT(updated_at), MESS, 0,
	    "of two versions of a message the later one counts" },
	{ "text", FIELD_TEXT, AT(text), MESS, 0,
	    "what was written; only with --with-text" },
	{ "data", FIELD_JSON, AT(data), MESS | EVEN, 0,
	    "what has no field of its own" },
	{ "name", FIELD_TEXT, AT(name), OPER, 0, "the operator's name" },
	{ "available", FIELD_FLAG, AT(available), OPER, 0,
	    "works now and takes chats" },
	{ "available_at", FIELD_TIME, AT(available_at), OPER, 0,
	    "when that was so; of two times the later one counts" },
	{ "max_chats", FIELD_COUNT, AT(max_chats), OPER | LIMI | ASSI, 0,
	    "how many chats the operator may hold; of a limit, absent: as it "
	    "was without one" },
	{ "reported_open_chats", FIELD_COUNT, AT(reported_open_chats), OPER, 0,
	    "how many the CRM says the operator holds" },
	{ "status", FIELD_STATUS, AT(status), CHAT, 0,
	    "open, pending, snoozed, closed or gone" },
	{ "customer", FIELD_ID, AT(customer), CHAT, 0, "the customer" },
	{ "customer_name", FIELD_TEXT, AT(customer_name), CHAT, 0,
	    "the customer's name" },
	{ "customer_phone", FIELD_TEXT, AT(customer_phone), CHAT, 0,
	    "only if asked for" },
	{ "tag", FIELD_TEXT, AT(tag), CHAT, 0, "the first tag" },
	{ "tags", FIELD_TEXT, AT(tags), OPER | CHAT, 0,
	    "of a chat: what its operator must have; of an operator: what "
	    "they have; parted by commas" },
	{ "assignment", FIELD_ID, AT(assignment), CHAT, 0,
	    "the reservation whose outcome this is" },
	{ "replaces", FIELD_ID, AT(replaces), ASSI, 0,
	    "the operator who may still hold the chat, and shall not" },
	{ "simulated", FIELD_FLAG, AT(simulated), ASSI, 0,
	    "of a simulation: it is not stored, nor taken from a queue" },
	{ "opened_at", FIELD_TIME, AT(opened_at), CHAT, 0,
	    "when the present episode began" },
	{ "closed_at", FIELD_TIME, AT(closed_at), CHAT, 0,
	    "when it was closed" },
	{ "stale", FIELD_FLAG, AT(stale), OPER | CHAT, 0,
	    "known from earlier: of an operator, who is not listed now; of a "
	    "chat, it could not be read now" },
	{ "about", FIELD_FLAG, AT(about), MESS, 0,
	    "no message, but what its data says about the one it names" },
	{ "message", FIELD_ID, AT(message), VIEW, VIEW, "the message viewed" },
	{ "device", FIELD_TEXT, AT(device), VIEW, 0, "what it was viewed on" },
	{ "event", FIELD_ID, AT(event), EVEN, EVEN, "the kind of event" },
	{ "expires", FIELD_TIME, AT(expires), ASSI, ASSI,
	    "until when the reservation holds" },
	{ "table", FIELD_TEXT, AT(table), ROW, ROW, "the table of the row" },
	{ "as_of", FIELD_TIME, AT(as_of), ROW, ROW,
	    "the instant the row tells about; the newest row wins" },
	{ "since", FIELD_TIME, AT(since), ROW, 0,
	    "the first instant that the aggregator's state knows" },
};

const size_t record_fields_n = ARRAY_LEN(record_fields);

static const char *const status_names[] = {
	[CHAT_NONE] = "",
	[CHAT_OPEN] = "open",
	[CHAT_PENDING] = "pending",
	[CHAT_SNOOZED] = "snoozed",
	[CHAT_CLOSED] = "closed",
	[CHAT_GONE] = "gone",
};

static const char *const from_names[] = {
	[FROM_NONE] = "",
	[FROM_CUSTOMER] = "customer",
	[FROM_OPERATOR] = "operator",
	[FROM_BOT] = "bot",
	[FROM_SYSTEM] = "system",
};

static const char *const state_names[] = {
	[SNAPSHOT_NONE] = "",
	[SNAPSHOT_BEGIN] = "begin",
	[SNAPSHOT_END] = "end",
	[SNAPSHOT_APPLIED] = "applied",
};

const char *
record_state_name(enum snapshot_state s)
{
	return state_names[s];
}

const char *
record_status_name(enum chat_status s)
{
	return status_names[s];
}

const char *
record_from_name(enum message_from f)
{
	return from_names[f];
}
