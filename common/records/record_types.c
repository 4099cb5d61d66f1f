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

const char *const record_types[RECORD_TYPES] = {
	[RECORD_UNKNOWN] = "",
	[RECORD_SNAPSHOT] = "snapshot",
	[RECORD_OPERATOR] = "operator",
	[RECORD_CHAT] = "chat",
	[RECORD_MESSAGE] = "message",
	[RECORD_VIEW] = "view",
	[RECORD_EVENT] = "event",
	[RECORD_ASSIGNMENT] = "assignment",
	[RECORD_LIMIT] = "limit",
	[RECORD_ROW] = "row",
	[RECORD_CLOCK] = "clock",
};

#define AT(member) offsetof(struct record, member)

const struct record_field record_fields[] = {
	{ "tenant", FIELD_TENANT, AT(tenant), ALL, ALL },
	{ "snapshot", FIELD_ID, AT(snapshot), ALL, SNAP },
	{ "state", FIELD_STATE, AT(state), SNAP, SNAP },
	{ "records", FIELD_COUNT, AT(records), SNAP | CHAT, 0 },
	{ "bucket", FIELD_COUNT, AT(bucket), SNAP, 0 },
	{ "id", FIELD_ID, AT(id), MESS | EVEN | ASSI, MESS | EVEN | ASSI },
	{ "chat", FIELD_ID, AT(chat), CHAT | MESS | VIEW | EVEN | ASSI,
	    CHAT | MESS | ASSI },
	{ "at", FIELD_TIME, AT(at),
	    SNAP | OPER | CHAT | MESS | VIEW | EVEN | ASSI | LIMI | CLOC,
	    MESS | VIEW | CLOC },
	{ "from", FIELD_FROM, AT(from), MESS, MESS },
	{ "user", FIELD_ID, AT(user), MESS | VIEW | EVEN, VIEW },
	{ "operator", FIELD_ID, AT(operator_id),
	    OPER | CHAT | MESS | ASSI | LIMI, OPER | ASSI },
	{ "to", FIELD_ID, AT(to), MESS, 0 },
	{ "channel", FIELD_ID, AT(channel), CHAT | MESS | EVEN | LIMI, 0 },
	{ "private", FIELD_FLAG, AT(is_private), MESS, 0 },
	{ "automated", FIELD_FLAG, AT(automated), MESS, 0 },
	{ "kind", FIELD_TEXT, AT(kind), MESS, 0 },
	{ "updated_at", FIELD_TIME, AT(updated_at), MESS, 0 },
	{ "text", FIELD_TEXT, AT(text), MESS, 0 },
	{ "data", FIELD_JSON, AT(data), MESS | EVEN, 0 },
	{ "name", FIELD_TEXT, AT(name), OPER, 0 },
	{ "available", FIELD_FLAG, AT(available), OPER, 0 },
	{ "available_at", FIELD_TIME, AT(available_at), OPER, 0 },
	{ "max_chats", FIELD_COUNT, AT(max_chats), OPER | LIMI | ASSI, 0 },
	{ "reported_open_chats", FIELD_COUNT, AT(reported_open_chats), OPER,
	    0 },
	{ "status", FIELD_STATUS, AT(status), CHAT, 0 },
	{ "customer", FIELD_ID, AT(customer), CHAT, 0 },
	{ "customer_name", FIELD_TEXT, AT(customer_name), CHAT, 0 },
	{ "customer_phone", FIELD_TEXT, AT(customer_phone), CHAT, 0 },
	{ "tag", FIELD_TEXT, AT(tag), CHAT, 0 },
	{ "tags", FIELD_TEXT, AT(tags), OPER | CHAT, 0 },
	{ "assignment", FIELD_ID, AT(assignment), CHAT, 0 },
	{ "replaces", FIELD_ID, AT(replaces), ASSI, 0 },
	{ "simulated", FIELD_FLAG, AT(simulated), ASSI, 0 },
	{ "opened_at", FIELD_TIME, AT(opened_at), CHAT, 0 },
	{ "closed_at", FIELD_TIME, AT(closed_at), CHAT, 0 },
	{ "stale", FIELD_FLAG, AT(stale), OPER | CHAT, 0 },
	{ "about", FIELD_FLAG, AT(about), MESS, 0 },
	{ "message", FIELD_ID, AT(message), VIEW, VIEW },
	{ "device", FIELD_TEXT, AT(device), VIEW, 0 },
	{ "event", FIELD_ID, AT(event), EVEN, EVEN },
	{ "expires", FIELD_TIME, AT(expires), ASSI, ASSI },
	{ "table", FIELD_TEXT, AT(table), ROW, ROW },
	{ "as_of", FIELD_TIME, AT(as_of), ROW, ROW },
	{ "since", FIELD_TIME, AT(since), ROW, 0 },
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
