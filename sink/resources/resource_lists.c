/*
 * resource_lists: the resources that are rows of a table or view; see list.h,
 * and messaging-tables(5) for the columns.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/digest/encoding.h"
#include "common/tables/tables.h"
#include "sink/resources/chat_due.h"
#include "sink/resources/chat_rows.h"
#include "sink/resources/resource.h"
#include "sink/responses/responses.h"

#define TEXT(name)                                                             \
	{                                                                      \
		name, SHEET_TEXT, LIST_SHOWN, VIEWER_NONE, NULL                \
	}
#define NUMBER(name)                                                           \
	{                                                                      \
		name, SHEET_NUMBER, LIST_SHOWN, VIEWER_NONE                    \
	}
#define TIME(name)                                                             \
	{                                                                      \
		name, SHEET_TIME, LIST_SHOWN, VIEWER_NONE, NULL                \
	}
#define FLAG(name)                                                             \
	{                                                                      \
		name, SHEET_FLAG, LIST_SHOWN, VIEWER_NONE, NULL                \
	}
#define FILTER(name)                                                           \
	{                                                                      \
		name, SHEET_TEXT, LIST_FILTER, VIEWER_NONE, NULL               \
	}
/* A column about a customer. */
#define PERSONAL(name, use)                                                    \
	{                                                                      \
		name, SHEET_TEXT, use, VIEWER_LEAD, NULL                       \
	}

/* A column of ms, in seconds. */
#define SECONDS(name, column)                                                  \
	{                                                                      \
		name, SHEET_NUMBER, LIST_SHOWN, VIEWER_NONE,                   \
		    "ROUND(" column " / 1000, 3)"                              \
	}

/* The list's link. */
#define HREF(least)                                                            \
	{                                                                      \
		"href", SHEET_TEXT, LIST_SHOWN, least, NULL                    \
	}

static const char *const interval_kinds[] = { "response", "first_response",
	"reply", "resolution", "unanswered", "waiting", NULL };

static const struct list list_operators = {
	.table = "operator_metrics",
	.condition = "left_at IS NULL",
	.columns = { FILTER("operator"), HREF(VIEWER_OPERATOR) },
	.and_others = true,
	.hidden = "left_at",
	.key = { "operator" },
	.operator_column = "operator",
	.link = response_href_operator,
};

const struct resource resource_operators = { "/api/v1/operators",
	VIEWER_OPERATOR, "operators", "The operators.", .list = &list_operators,
	.impersonal = true };

/* Computed columns. */
#define COMPUTED(name, type)                                                   \
	{                                                                      \
		name, type, LIST_SHOWN, VIEWER_NONE, "NULL"                    \
	}

/* The columns of the list of chats, each with the name of its position, for
 * cells that are computed from others. */
#define CHATS_COLUMNS(X)                                                       \
	X(CHATS_CHAT, FILTER("chat"))                                          \
	X(CHATS_OPERATOR, FILTER("operator"))                                  \
	X(CHATS_CHANNEL, FILTER("channel"))                                    \
	X(CHATS_STATUS, FILTER("status"))                                      \
	X(CHATS_TAG, PERSONAL("tag", LIST_FILTER))                             \
	X(CHATS_CUSTOMER, PERSONAL("customer", LIST_SHOWN))                    \
	X(CHATS_CUSTOMER_NAME, PERSONAL("customer_name", LIST_SHOWN))          \
	X(CHATS_CUSTOMER_PHONE, PERSONAL("customer_phone", LIST_SHOWN))        \
	X(CHATS_OPENED_AT, TIME("opened_at"))                                  \
	X(CHATS_LAST_MESSAGE_AT, TIME("last_message_at"))                      \
	X(CHATS_MESSAGES, NUMBER("messages"))                                  \
	X(CHATS_PARTICIPANTS, NUMBER("participants"))                          \
	X(CHATS_RESPONSES, NUMBER("responses"))                                \
	X(CHATS_AVG_RESPONSE, NUMBER("avg_response_seconds"))                  \
	X(CHATS_FIRST_RESPONSE, NUMBER("first_response_seconds"))              \
	X(CHATS_WAITING_SINCE, TIME("waiting_since"))                          \
	X(CHATS_NEXT_KIND, TEXT("next_kind"))                                  \
	X(CHATS_ANSWER_BY, TIME("answer_by"))                                  \
	X(CHATS_SOON_AT, TIME("soon_at"))                                      \
	X(CHATS_AS_OF, TIME("as_of"))                                          \
	X(CHATS_DUE, COMPUTED("due", SHEET_TEXT))                              \
	X(CHATS_OPENS_AT, COMPUTED("opens_at", SHEET_TIME))                    \
	X(CHATS_CLOSES_AT, COMPUTED("closes_at", SHEET_TIME))                  \
	X(CHATS_WORK_LEFT_THEN,                                                \
	    COMPUTED("work_left_then_seconds", SHEET_NUMBER))                  \
	X(CHATS_HREF, HREF(VIEWER_LEAD))

#define POSITION(position, column) position,
#define COLUMN(position, column) column,

enum { CHATS_COLUMNS(POSITION) };

_Static_assert(CHATS_HREF - CHATS_DUE == CHAT_DUE_CELLS,
    "the computed columns are those of chat_due_write()");

/* The customer of a chat that has left has stopped waiting. */
static bool
is_open_chat(const struct db_rows *row)
{
	const char *status = db_get(row, CHATS_STATUS);

	return status != NULL && strcmp(status, "left") != 0;
}

static void
compute_due(struct question *q, const struct db_rows *row, struct sheet *s)
{
	chat_due_write(q, row, CHATS_WAITING_SINCE, db_get(row, CHATS_CHANNEL),
	    is_open_chat(row), s);
}

static bool
link_responses(
    const struct question *q, const struct db_rows *row, struct buf *href)
{
	return is_open_chat(row) &&
	       response_href_chat(q, db_get(row, CHATS_CHAT), href);
}

/* Selects chats by parameters that depend on the current time. */
static bool
filter_chats(struct question *q, struct buf *sql)
{
	return chat_waits_filter(q, sql) && chat_due_filter(q, sql);
}

static const struct list list_chats = {
	.table = "chat_metrics",
	.columns = { CHATS_COLUMNS(COLUMN) },
	.key = { "chat" },
	.words = { { "assigned", "1", "operator IS NOT NULL", "nobody" },
	    { "nobody", "1", "operator IS NULL", "operator" },
	    { "open", "1", "status <> 'left'", NULL },
	    /* A chat that has left keeps the time, but its customer has
	     * stopped waiting. */
	    { "waiting", "1", "waiting_since IS NOT NULL AND status <> 'left'",
		NULL } },
	.operator_column = "operator",
	.nobodys = true,
	.add_more = filter_chats,
	.more = LIST_NAMES("waiting_seconds", "at", "late"),
	.compute = compute_due,
	.computed_after = CHATS_DUE,
	.computed_n = CHAT_DUE_CELLS,
	.link = link_responses,
};

const struct resource resource_chats = { "/api/v1/chats", VIEWER_OPERATOR,
	"chats",
	"Open chats, and chats that the newest snapshot no longer lists.",
	.list = &list_chats };

static const struct list list_messages = {
	.table = "messages",
	.columns = { TIME("created_at"), FILTER("conversation_id"),
	    FILTER("message_id"), FILTER("sender"), TEXT("sender_id"),
	    TEXT("receiver_id"), FILTER("operator"), FILTER("channel"),
	    TEXT("message_type"), FLAG("private"), FLAG("automated"),
	    { "content", SHEET_TEXT, LIST_SHOWN, VIEWER_ADMIN, NULL } },
	.coverage = COMPLETE_CHATS,
	.key = { "created_at", "conversation_id", "message_id" },
	.time = "created_at",
	.operator_column = "operator",
	.newest_first = true,
	.order_index = "PRIMARY",
	.indexes = { { "conversation_id", "by_chat" } },
};

const struct resource resource_messages = { "/api/v1/messages", VIEWER_LEAD,
	"messages", "Messages, newest first.", .list = &list_messages };

/* Links a row of intervals to the chat's timeline at the end of the
 * interval. */
static bool
timeline_link(
    const struct question *q, const struct db_rows *row, struct buf *href)
{
	char time[CLOCK_TEXT];

	(void)q;
	clock_format(db_get_time(row, 0), time);
	buf_adds(href, "/api/v1/chats/");
	percent_encode(href, db_get(row, 1));
	buf_adds(href, "/timeline?at=");
	percent_encode(href, time);
	return true;
}

static const struct list list_intervals = {
	.table = "intervals",
	.columns = { TIME("end_at"), FILTER("chat"), FILTER("message"),
	    FILTER("kind"), TIME("start_at"), FILTER("operator"),
	    FILTER("channel"), NUMBER("seconds"),
	    { "withdrawn", SHEET_FLAG, LIST_FILTER, VIEWER_NONE, NULL },
	    TIME("as_of"), NUMBER("version"),
	    { "operator_name", SHEET_TEXT, LIST_SHOWN, VIEWER_NONE,
		"(SELECT n.name FROM names n WHERE n.tenant = "
		"intervals.tenant AND n.kind = 'operator' "
		"AND n.id = intervals.operator)" },
	    SECONDS("work_seconds", "work_ms"),
	    SECONDS("target_seconds", "target_ms"), FLAG("kept"),
	    HREF(VIEWER_LEAD) },
	.coverage = COMPLETE_CHATS,
	.key = { "end_at", "chat", "message", "kind" },
	.words = { { "kind", "response", "kind IN ('first_response', 'reply')",
		       NULL },
	    { "withdrawn", "0", INTERVAL_COUNTS, NULL },
	    { "withdrawn", "false", INTERVAL_COUNTS, NULL },
	    { "withdrawn", "true", "withdrawn = 1", NULL },
	    { "nobody", "1", "operator IS NULL", "operator" },
	    { "no_channel", "1", "channel IS NULL", "channel" } },
	.kinds = interval_kinds,
	.time = "end_at",
	.operator_column = "operator",
	.newest_first = true,
	.order_index = "PRIMARY",
	.indexes = { { "chat", "by_chat" }, { "operator", "by_operator" },
	    { "nobody", "by_operator" } },
	.add_more = interval_filter_add,
	.more = LIST_NAMES("weekday", "hour", "zone", "open", "min_seconds",
	    "at", "clock", "kept", "target"),
	.link = timeline_link,
};

const struct resource resource_intervals = { "/api/v1/intervals",
	VIEWER_OPERATOR, "intervals",
	"Each response, wait and resolution, newest first.",
	.list = &list_intervals };

static const struct list list_conversations = {
	.table = "conversation_metrics",
	.columns = { FILTER("conversation_id"), NUMBER("message_count"),
	    NUMBER("participant_count"), TIME("created_at") },
	.and_others = true,
	/* A conversation that was open at the first poll begins there. */
	.coverage = COMPLETE_COUNTS,
	.key = { "conversation_id" },
};

const struct resource resource_conversations = { "/api/v1/conversations",
	VIEWER_LEAD, "conversations",
	"Conversations, from their first message to their last.",
	.list = &list_conversations };

static const struct list list_users = {
	.table = "user_stats",
	.columns = { FILTER("user_id") },
	.and_others = true,
	.coverage = COMPLETE_COUNTS,
	.key = { "user_id" },
};

const struct resource resource_users = { "/api/v1/users", VIEWER_LEAD, "users",
	"Users who wrote.", .list = &list_users };

static const struct list list_alerts = {
	.table = "alerts",
	.condition = "messages > 0", /* 0: the alert joined an earlier one */
	.columns = { TIME("started_at"), FILTER("user_id"), FILTER("rule") },
	.and_others = true,
	.coverage = COMPLETE_COUNTS,
	.key = { "started_at", "user_id", "rule" },
	.time = "started_at",
	.newest_first = true,
};

const struct resource resource_alerts = { "/api/v1/alerts", VIEWER_LEAD,
	"alerts", "Users who wrote too many messages, newest first.",
	.list = &list_alerts };

static const struct list list_trends = {
	.table = "trends",
	.condition = "occurrences > 0", /* 0: the word is no longer a trend */
	.columns = { TIME("window_start"), FILTER("word") },
	.and_others = true,
	.coverage = COMPLETE_COUNTS,
	.key = { "window_start", "word" },
	.time = "window_start",
	.newest_first = true,
};

const struct resource resource_trends = { "/api/v1/trends", VIEWER_LEAD,
	"trends", "Words that are used more often than before, newest first.",
	.list = &list_trends, .impersonal = true };

static const struct list list_events = {
	.table = "events",
	.columns = { TIME("created_at"), TEXT("id"), FILTER("event_type"),
	    FILTER("source_service"), FILTER("user_id"), TEXT("session_id"),
	    FILTER("conversation_id"), FILTER("channel_id"),
	    { "event_data", SHEET_TEXT, LIST_SHOWN, VIEWER_ADMIN, NULL } },
	.coverage = COMPLETE_COUNTS,
	.key = { "created_at", "id" },
	.time = "created_at",
	.newest_first = true,
	.order_index = "by_time",
	.indexes = { { "conversation_id", "by_chat" } },
};

const struct resource resource_events = { "/api/v1/events", VIEWER_LEAD,
	"events", "Events, newest first.", .list = &list_events };

static const struct list list_receipts = {
	.table = "message_views",
	.columns = { TIME("viewed_at"), FILTER("message_id"), FILTER("user_id"),
	    FILTER("conversation_id"), TEXT("device") },
	.key = { "viewed_at", "message_id", "user_id", "conversation_id" },
	.time = "viewed_at",
	.newest_first = true,
	.order_index = "PRIMARY",
	.indexes = { { "message_id", "by_message" } },
};

const struct resource resource_receipts = { "/api/v1/receipts", VIEWER_LEAD,
	"receipts", "Read receipts, newest first.", .list = &list_receipts };

static const struct list list_channels = {
	.table = "channel_metrics",
	.columns = { TIME("hour"), FILTER("channel") },
	.and_others = true,
	.coverage = COMPLETE_CHATS,
	.key = { "hour", "channel" },
	.time = "hour",
	.newest_first = true,
};

const struct resource resource_channels = { "/api/v1/channels", VIEWER_OPERATOR,
	"channels",
	"Messages and conversations of channels by hour, newest first.",
	.list = &list_channels, .impersonal = true };

static const struct list list_notices = {
	.table = "notices",
	.columns = { TIME("begin_at"), TEXT("id"), FILTER("kind"),
	    { "chat", SHEET_TEXT, LIST_FILTER, VIEWER_LEAD, NULL },
	    FILTER("channel") },
	.and_others = true,
	.key = { "begin_at", "id" },
	.words = { { "over", "0", "over_at IS NULL", NULL } },
	.time = "begin_at",
	.newest_first = true,
	.order_index = "by_time",
	.indexes = { { "over", "by_over" } },
};

const struct resource resource_notices = { "/api/v1/notices", VIEWER_WALL,
	"notices", "Notices that customers wait too long, newest first.",
	.list = &list_notices };

static const struct list list_assignments = {
	.table = "assignments",
	.columns = { TIME("reserved_at"), TEXT("id"), FILTER("chat"),
	    FILTER("operator"), TIME("expires") },
	.key = { "reserved_at", "id" },
	.time = "reserved_at",
	.operator_column = "operator",
	.newest_first = true,
};

const struct resource resource_assignments = { "/api/v1/assignments",
	VIEWER_OPERATOR, "assignments",
	"Assignments of chats to operators, newest first.",
	.list = &list_assignments };
