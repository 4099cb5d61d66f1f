/*
 * tables: the columns of every table that rows go to; see tables.h. The order
 * is that of the migrations and of METRICS.
 */
#include "sink/tables.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/record.h"
#include "common/xalloc.h"

/* What a MEDIUMTEXT holds, in bytes; a line is much shorter. Of a TEXT the
 * characters that certainly fit. */
#define MEDIUMTEXT ((1 << 24) - 1)
#define SHORTTEXT (65535 / 4)

#define COLUMN(name, kind, needed, max)                                        \
	{                                                                      \
		name, sizeof(name) - 1, kind, needed, max                      \
	}

/* Sizes of columns, as the migrations have them. */
#define TENANT COLUMN("tenant", COLUMN_ID, true, RECORD_MAX_TENANT)
#define ID(name) COLUMN(name, COLUMN_ID, false, RECORD_MAX_ID)
#define KEY(name) COLUMN(name, COLUMN_ID, true, RECORD_MAX_ID)
#define TEXT(name, max) COLUMN(name, COLUMN_TEXT, false, max)
#define TIME(name) COLUMN(name, COLUMN_TIME, false, 0)
#define COUNT(name) COLUMN(name, COLUMN_COUNT, false, UINT32_MAX)
#define SECONDS(name) COLUMN(name, COLUMN_SECONDS, false, 0)
#define PLACE(name) COLUMN(name, COLUMN_PLACE, true, RECORD_MAX_ID)
#define WHEN(name) COLUMN(name, COLUMN_TIME, true, 0)
#define TOTAL(name) COLUMN(name, COLUMN_COUNT, false, INT64_MAX)
#define REAL(name) COLUMN(name, COLUMN_REAL, false, 0)
#define FLAG(name) COLUMN(name, COLUMN_BOOL, false, 0)
#define AS_OF COLUMN("as_of", COLUMN_TIME, true, 0)
#define ROW_VERSION COLUMN("version", COLUMN_VERSION, false, INT64_MAX)

static const struct column operator_metrics[] = {
	TENANT,
	KEY("operator"),
	TEXT("name", 255),
	FLAG("available"),
	COUNT("open_chats"),
	COUNT("reported_open_chats"),
	COUNT("responses"),
	SECONDS("avg_response_seconds"),
	SECONDS("median_response_seconds"),
	SECONDS("p90_response_seconds"),
	COUNT("first_responses"),
	SECONDS("avg_first_response_seconds"),
	COUNT("waiting_chats"),
	SECONDS("longest_wait_seconds"),
	AS_OF,
	ROW_VERSION,
};

static const struct column chat_metrics[] = {
	TENANT,
	KEY("chat"),
	ID("operator"),
	ID("channel"),
	ID("customer"),
	TEXT("customer_name", 255),
	TEXT("customer_phone", 64),
	TEXT("tag", 255),
	COLUMN("status", COLUMN_STATUS, true, 0),
	TIME("opened_at"),
	TIME("last_message_at"),
	COUNT("messages"),
	COUNT("participants"),
	COUNT("responses"),
	SECONDS("avg_response_seconds"),
	SECONDS("first_response_seconds"),
	TIME("waiting_since"),
	AS_OF,
	ROW_VERSION,
};

static const struct column tenant_metrics[] = {
	TENANT,
	COUNT("operators"),
	COUNT("open_chats"),
	COUNT("unassigned_chats"),
	COUNT("waiting_chats"),
	SECONDS("longest_wait_seconds"),
	COUNT("responses"),
	SECONDS("avg_response_seconds"),
	COUNT("skewed"),
	AS_OF,
	ROW_VERSION,
};

static const struct column event_counts[] = {
	TENANT,
	KEY("user"),
	KEY("event"),
	TOTAL("count"),
	AS_OF,
	ROW_VERSION,
};

static const struct column messages[] = {
	TENANT,
	WHEN("created_at"),
	KEY("conversation_id"),
	KEY("message_id"),
	COLUMN("sender", COLUMN_ID, true, 16),
	ID("sender_id"),
	ID("receiver_id"),
	ID("operator"),
	ID("channel"),
	TEXT("message_type", 64),
	COLUMN("private", COLUMN_BOOL, true, 0),
	COLUMN("automated", COLUMN_BOOL, true, 0),
	TEXT("content", MEDIUMTEXT),
	COLUMN("data", COLUMN_JSON, false, MEDIUMTEXT),
	ROW_VERSION,
};

static const struct column message_views[] = {
	TENANT,
	WHEN("viewed_at"),
	KEY("message_id"),
	KEY("user_id"),
	PLACE("conversation_id"),
	TEXT("device", 64),
};

static const struct column intervals[] = {
	TENANT,
	WHEN("end_at"),
	KEY("chat"),
	PLACE("message"),
	COLUMN("kind", COLUMN_ID, true, 32),
	TIME("start_at"),
	ID("operator"),
	TOTAL("ms"),
	FLAG("withdrawn"),
	AS_OF,
	ROW_VERSION,
};

static const struct column conversation_metrics[] = {
	TENANT,
	KEY("conversation_id"),
	TOTAL("message_count"),
	TOTAL("participant_count"),
	WHEN("last_message_at"),
	TIME("created_at"),
	AS_OF,
	ROW_VERSION,
};

static const struct column user_stats[] = {
	TENANT,
	KEY("user_id"),
	TOTAL("message_count"),
	TOTAL("active_conversations"),
	TIME("last_active"),
	TIME("created_at"),
	AS_OF,
	ROW_VERSION,
};

static const struct column realtime_user_activity[] = {
	TENANT,
	WHEN("created_at"),
	KEY("user_id"),
	TOTAL("messages_last_minute"),
	AS_OF,
	ROW_VERSION,
};

static const struct column alerts[] = {
	TENANT,
	WHEN("started_at"),
	KEY("user_id"),
	COLUMN("rule", COLUMN_ID, true, 32),
	TIME("ended_at"),
	TOTAL("messages"),
	TOTAL("threshold"),
	AS_OF,
	ROW_VERSION,
};

static const struct column trends[] = {
	TENANT,
	WHEN("window_start"),
	KEY("word"),
	TIME("window_end"),
	TOTAL("occurrences"),
	AS_OF,
	ROW_VERSION,
};

static const struct column channel_metrics[] = {
	TENANT,
	WHEN("hour"),
	PLACE("channel"),
	TOTAL("messages"),
	TOTAL("inbound_messages"),
	TOTAL("outbound_messages"),
	TOTAL("active_conversations"),
	AS_OF,
	ROW_VERSION,
};

static const struct column response_hours[] = {
	TENANT,
	WHEN("hour"),
	PLACE("operator"),
	COLUMN("kind", COLUMN_ID, true, 32),
	TOTAL("responses"),
	TOTAL("sum_ms"),
	TOTAL("max_ms"),
	AS_OF,
	ROW_VERSION,
};

static const struct column response_histogram[] = {
	TENANT,
	WHEN("hour"),
	PLACE("operator"),
	COLUMN("kind", COLUMN_ID, true, 32),
	COLUMN("bucket", COLUMN_COUNT, true, UINT32_MAX),
	TOTAL("count"),
	AS_OF,
	ROW_VERSION,
};

/* What several aggregators store, each a part of the truth. */
#define PART                                                                   \
	COLUMN("generation", COLUMN_COUNT, true, UINT32_MAX),                  \
	    COLUMN("part", COLUMN_COUNT, true, UINT32_MAX)

static const struct column operator_metrics_parts[] = {
	TENANT,
	KEY("operator"),
	PART,
	TEXT("name", 255),
	FLAG("available"),
	COUNT("open_chats"),
	COUNT("reported_open_chats"),
	TOTAL("responses"),
	TOTAL("response_sum_ms"),
	TOTAL("response_max_ms"),
	TEXT("response_buckets", MEDIUMTEXT),
	TOTAL("first_responses"),
	TOTAL("first_response_sum_ms"),
	COUNT("waiting_chats"),
	TIME("waiting_since"),
	AS_OF,
	ROW_VERSION,
};

static const struct column tenant_metrics_parts[] = {
	TENANT,
	PART,
	COUNT("operators"),
	COUNT("open_chats"),
	COUNT("unassigned_chats"),
	COUNT("waiting_chats"),
	TIME("waiting_since"),
	TOTAL("responses"),
	TOTAL("response_sum_ms"),
	COUNT("skewed"),
	AS_OF,
	ROW_VERSION,
};

static const struct column event_counts_parts[] = {
	TENANT,
	KEY("user"),
	KEY("event"),
	PART,
	TOTAL("count"),
	AS_OF,
	ROW_VERSION,
};

static const struct column conversation_metrics_parts[] = {
	TENANT,
	KEY("conversation_id"),
	PART,
	TOTAL("message_count"),
	TOTAL("participant_count"),
	WHEN("last_message_at"),
	TIME("created_at"),
	AS_OF,
	ROW_VERSION,
};

static const struct column user_stats_parts[] = {
	TENANT,
	KEY("user_id"),
	PART,
	TOTAL("message_count"),
	TOTAL("active_conversations"),
	TIME("last_active"),
	TIME("created_at"),
	AS_OF,
	ROW_VERSION,
};

static const struct column realtime_user_activity_parts[] = {
	TENANT,
	WHEN("created_at"),
	KEY("user_id"),
	PART,
	TOTAL("messages_last_minute"),
	AS_OF,
	ROW_VERSION,
};

static const struct column trends_parts[] = {
	TENANT,
	WHEN("window_start"),
	KEY("word"),
	PART,
	TIME("window_end"),
	TOTAL("occurrences"),
	AS_OF,
	ROW_VERSION,
};

static const struct column channel_metrics_parts[] = {
	TENANT,
	WHEN("hour"),
	PLACE("channel"),
	PART,
	TOTAL("messages"),
	TOTAL("inbound_messages"),
	TOTAL("outbound_messages"),
	TOTAL("active_conversations"),
	AS_OF,
	ROW_VERSION,
};

static const struct column response_hours_parts[] = {
	TENANT,
	WHEN("hour"),
	PLACE("operator"),
	COLUMN("kind", COLUMN_ID, true, 32),
	PART,
	TOTAL("responses"),
	TOTAL("sum_ms"),
	TOTAL("max_ms"),
	AS_OF,
	ROW_VERSION,
};

static const struct column response_histogram_parts[] = {
	TENANT,
	WHEN("hour"),
	PLACE("operator"),
	COLUMN("kind", COLUMN_ID, true, 32),
	COLUMN("bucket", COLUMN_COUNT, true, UINT32_MAX),
	PART,
	TOTAL("count"),
	AS_OF,
	ROW_VERSION,
};

static const struct column events[] = {
	TENANT,
	KEY("id"),
	WHEN("created_at"),
	KEY("event_type"),
	TEXT("source_service", 50),
	COLUMN("event_data", COLUMN_JSON, false, MEDIUMTEXT),
	ID("user_id"),
	TEXT("session_id", RECORD_MAX_ID),
	PLACE("conversation_id"),
	ID("channel_id"),
	TEXT("ip_address", 45),
	TEXT("user_agent", SHORTTEXT),
};

static const struct column message_analytics[] = {
	TENANT,
	KEY("id"),
	WHEN("created_at"),
	KEY("message_id"),
	KEY("conversation_id"),
	ID("channel_id"),
	COLUMN("direction", COLUMN_ID, true, 10),
	TOTAL("message_length"),
	REAL("sentiment_score"),
	TEXT("sentiment_label", 20),
	REAL("sentiment_confidence"),
	TEXT("intent_name", 100),
	REAL("intent_confidence"),
	REAL("response_time"),
};

static const struct column assignments[] = {
	TENANT,
	KEY("id"),
	WHEN("promised_at"),
	KEY("chat"),
	KEY("operator"),
	WHEN("expires"),
};

#define COLUMNS(c) c, ARRAY_LEN(c)
/* As_of stands before the version. */
#define FIGURE(c, keys) COLUMNS(c), keys, (int)ARRAY_LEN(c) - 2
/* History of a chat tells about the time of what happened: a row that is
 * written again long after its chat was deleted is as old as that. */

/* ..., at, chat, day, snapshot, history, versions */
const struct table tables[TABLES] = {
	[TABLE_OPERATOR_METRICS] = { "operator_metrics",
	    FIGURE(operator_metrics, 2), -1, -1, true, false, true },
	[TABLE_CHAT_METRICS] = { "chat_metrics", FIGURE(chat_metrics, 2), 1, -1,
	    true, false, true },
	[TABLE_TENANT_METRICS] = { "tenant_metrics", FIGURE(tenant_metrics, 1),
	    -1, -1, true, false, true },
	[TABLE_EVENT_COUNTS] = { "event_counts", FIGURE(event_counts, 3), -1,
	    -1, false, false, true },
	[TABLE_MESSAGES] = { "messages", COLUMNS(messages), 4,
	    MESSAGE_CREATED_AT, MESSAGE_CONVERSATION_ID, MESSAGE_CREATED_AT,
	    false, true, true },
	[TABLE_MESSAGE_VIEWS] = { "message_views", COLUMNS(message_views), 5,
	    VIEW_VIEWED_AT, VIEW_CONVERSATION_ID, VIEW_VIEWED_AT, false, true,
	    false },
	[TABLE_INTERVALS] = { "intervals", COLUMNS(intervals), 5, 1, 2, 1,
	    false, true, true },
	[TABLE_CONVERSATION_METRICS] = { "conversation_metrics",
	    COLUMNS(conversation_metrics), 2, 4, 1, -1, false, true, true },
	[TABLE_USER_STATS] = { "user_stats", FIGURE(user_stats, 2), -1, -1,
	    false, true, true },
	[TABLE_REALTIME_USER_ACTIVITY] = { "realtime_user_activity",
	    FIGURE(realtime_user_activity, 3), -1, -1, false, true, true },
	[TABLE_ALERTS] = { "alerts", FIGURE(alerts, 4), -1, -1, false, true,
	    true },
	[TABLE_TRENDS] = { "trends", FIGURE(trends, 3), -1, -1, false, true,
	    true },
	[TABLE_CHANNEL_METRICS] = { "channel_metrics",
	    FIGURE(channel_metrics, 3), -1, -1, false, true, true },
	[TABLE_RESPONSE_HOURS] = { "response_hours", FIGURE(response_hours, 4),
	    -1, -1, false, true, true },
	[TABLE_RESPONSE_HISTOGRAM] = { "response_histogram",
	    FIGURE(response_histogram, 5), -1, -1, false, true, true },
	[TABLE_OPERATOR_METRICS_PARTS] = { "operator_metrics_parts",
	    FIGURE(operator_metrics_parts, 4), -1, -1, false, false, true },
	[TABLE_TENANT_METRICS_PARTS] = { "tenant_metrics_parts",
	    FIGURE(tenant_metrics_parts, 3), -1, -1, false, false, true },
	[TABLE_EVENT_COUNTS_PARTS] = { "event_counts_parts",
	    FIGURE(event_counts_parts, 5), -1, -1, false, false, true },
	[TABLE_CONVERSATION_METRICS_PARTS] = { "conversation_metrics_parts",
	    COLUMNS(conversation_metrics_parts), 4, 6, 1, -1, false, true,
	    true },
	[TABLE_USER_STATS_PARTS] = { "user_stats_parts",
	    FIGURE(user_stats_parts, 4), -1, -1, false, true, true },
	[TABLE_REALTIME_USER_ACTIVITY_PARTS] = { "realtime_user_activity_parts",
	    FIGURE(realtime_user_activity_parts, 5), -1, -1, false, true,
	    true },
	[TABLE_TRENDS_PARTS] = { "trends_parts", FIGURE(trends_parts, 5), -1,
	    -1, false, true, true },
	[TABLE_CHANNEL_METRICS_PARTS] = { "channel_metrics_parts",
	    FIGURE(channel_metrics_parts, 5), -1, -1, false, true, true },
	[TABLE_RESPONSE_HOURS_PARTS] = { "response_hours_parts",
	    FIGURE(response_hours_parts, 6), -1, -1, false, true, true },
	[TABLE_RESPONSE_HISTOGRAM_PARTS] = { "response_histogram_parts",
	    FIGURE(response_histogram_parts, 7), -1, -1, false, true, true },
	[TABLE_EVENTS] = { "events", COLUMNS(events), 2, EVENT_CREATED_AT,
	    EVENT_CONVERSATION_ID, -1, false, true, false },
	[TABLE_MESSAGE_ANALYTICS] = { "message_analytics",
	    COLUMNS(message_analytics), 2, ANALYTICS_CREATED_AT,
	    ANALYTICS_CONVERSATION_ID, -1, false, true, false },
	[TABLE_ASSIGNMENTS] = { "assignments", COLUMNS(assignments), 2,
	    ASSIGNMENT_PROMISED_AT, ASSIGNMENT_CHAT, -1, false, true, false },
};

const struct table *
table_find(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < TABLES; i++)
		if (strlen(tables[i].name) == len &&
		    memcmp(tables[i].name, name, len) == 0)
			return &tables[i];
	return NULL;
}

/* Assignments are made from left to right and see the new values: were the
 * version set before the others, an old row would leave its figures under a
 * new version, for ever. So it comes last. */
static void
newest_wins(struct buf *sql, const struct table *t)
{
	size_t i;

	for (i = t->keys; i < t->columns_n - 1; i++) {
		const char *name = t->columns[i].name;

		buf_addf(sql, "`%s` = IF(VALUES(version) > version, ", name);
		buf_addf(sql, "VALUES(`%s`), `%s`), ", name, name);
	}
	buf_adds(sql, "version = GREATEST(version, VALUES(version))");
}

void
table_sql_init(struct table_sql *sql, const struct table *t)
{
	struct buf head = BUF_INIT, row = BUF_INIT, tail = BUF_INIT;
	size_t i;

	buf_addf(&head, "INSERT INTO `%s` (", t->name);
	buf_addc(&row, '(');
	for (i = 0; i < t->columns_n; i++) {
		buf_addf(
		    &head, "%s`%s`", i > 0 ? ", " : "", t->columns[i].name);
		buf_adds(&row, i > 0 ? ", ?" : "?");
	}
	buf_adds(&head, ") VALUES ");
	buf_addc(&row, ')');
	buf_adds(&tail, " ON DUPLICATE KEY UPDATE ");
	if (t->versions)
		newest_wins(&tail, t);
	else
		buf_adds(&tail, "tenant = tenant");
	sql->head = buf_take(&head);
	sql->row = buf_take(&row);
	sql->tail = buf_take(&tail);
}

void
table_sql_release(struct table_sql *sql)
{
	free(sql->head);
	free(sql->row);
	free(sql->tail);
}
