/*
 * tables: what a row is, as data: the reader of rows, the checks, the
 * statements and the schema test all go by it. So to the sink a new column is
 * one line here and one in a new migration; who computes it is aggregator's
 * figure_*.c.
 */
#ifndef SINK_TABLES_H
#define SINK_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_kind {
	COLUMN_ID,      /* VARCHAR(max): string, or a whole number's digits */
	COLUMN_PLACE,   /* the same in a key, '' where there is none */
	COLUMN_TEXT,    /* the same, for people to read: cut to max */
	COLUMN_JSON,    /* any value, as compact JSON text */
	COLUMN_TIME,    /* DATETIME(3): RFC 3339 */
	COLUMN_SECONDS, /* DECIMAL(15,3): a number, in thousandths inside */
	COLUMN_COUNT,   /* whole number from 0 to max */
	COLUMN_REAL,    /* DOUBLE: any number */
	COLUMN_BOOL,    /* true or false */
	COLUMN_STATUS,  /* open, pending, snoozed or left */
	COLUMN_VERSION, /* whole number; by default as_of in ms */
};

struct column {
	const char *name;
	size_t name_len;
	enum column_kind kind;
	bool needed; /* NOT NULL: a row without it is a bad row */
	int64_t max; /* bytes, characters, or the greatest value */
};

/* The key is the first `keys` columns, tenant the first of them; the version,
 * where there is one, is the last column. */
struct table {
	const char *name;
	const struct column *columns;
	size_t columns_n;
	size_t keys;
	int at;   /* the column with the time the row tells about: as_of, and in
		     tables of records when it happened */
	int chat; /* the column that names a chat, or -1 */
	int day;  /* the column whose days are partitions, or -1 */
	bool snapshot; /* its rows count towards a whole snapshot */
	bool history;  /* rows outlive their chat unless on_close = all */
	bool versions; /* rows of one key replace each other, newest wins */
};

enum table_id {
	TABLE_OPERATOR_METRICS,
	TABLE_CHAT_METRICS,
	TABLE_TENANT_METRICS,
	TABLE_EVENT_COUNTS,
	TABLE_MESSAGES,
	TABLE_MESSAGE_VIEWS,
	TABLE_INTERVALS,
	TABLE_CONVERSATION_METRICS,
	TABLE_USER_STATS,
	TABLE_REALTIME_USER_ACTIVITY,
	TABLE_ALERTS,
	TABLE_TRENDS,
	TABLE_CHANNEL_METRICS,
	TABLE_RESPONSE_HOURS,
	TABLE_RESPONSE_HISTOGRAM,
	TABLE_OPERATOR_METRICS_PARTS,
	TABLE_TENANT_METRICS_PARTS,
	TABLE_EVENT_COUNTS_PARTS,
	TABLE_CONVERSATION_METRICS_PARTS,
	TABLE_USER_STATS_PARTS,
	TABLE_REALTIME_USER_ACTIVITY_PARTS,
	TABLE_TRENDS_PARTS,
	TABLE_CHANNEL_METRICS_PARTS,
	TABLE_RESPONSE_HOURS_PARTS,
	TABLE_RESPONSE_HISTOGRAM_PARTS,
	TABLE_EVENTS,
	TABLE_MESSAGE_ANALYTICS,
	TABLE_ASSIGNMENTS,
	TABLES
};

/* Columns of the tables of records in their order: what record.c reads is put
 * there without a look at names. */
enum message_column {
	MESSAGE_TENANT,
	MESSAGE_CREATED_AT,
	MESSAGE_CONVERSATION_ID,
	MESSAGE_MESSAGE_ID,
	MESSAGE_SENDER,
	MESSAGE_SENDER_ID,
	MESSAGE_RECEIVER_ID,
	MESSAGE_OPERATOR,
	MESSAGE_CHANNEL,
	MESSAGE_MESSAGE_TYPE,
	MESSAGE_PRIVATE,
	MESSAGE_AUTOMATED,
	MESSAGE_CONTENT,
	MESSAGE_DATA,
	MESSAGE_VERSION,
	MESSAGE_COLUMNS
};

enum view_column {
	VIEW_TENANT,
	VIEW_VIEWED_AT,
	VIEW_MESSAGE_ID,
	VIEW_USER_ID,
	VIEW_CONVERSATION_ID,
	VIEW_DEVICE,
	VIEW_COLUMNS
};

enum event_column {
	EVENT_TENANT,
	EVENT_ID,
	EVENT_CREATED_AT,
	EVENT_EVENT_TYPE,
	EVENT_SOURCE_SERVICE,
	EVENT_EVENT_DATA,
	EVENT_USER_ID,
	EVENT_SESSION_ID,
	EVENT_CONVERSATION_ID,
	EVENT_CHANNEL_ID,
	EVENT_IP_ADDRESS,
	EVENT_USER_AGENT,
	EVENT_COLUMNS
};

enum analytics_column {
	ANALYTICS_TENANT,
	ANALYTICS_ID,
	ANALYTICS_CREATED_AT,
	ANALYTICS_MESSAGE_ID,
	ANALYTICS_CONVERSATION_ID,
	ANALYTICS_CHANNEL_ID,
	ANALYTICS_DIRECTION,
	ANALYTICS_MESSAGE_LENGTH,
	ANALYTICS_SENTIMENT_SCORE,
	ANALYTICS_SENTIMENT_LABEL,
	ANALYTICS_SENTIMENT_CONFIDENCE,
	ANALYTICS_INTENT_NAME,
	ANALYTICS_INTENT_CONFIDENCE,
	ANALYTICS_RESPONSE_TIME,
	ANALYTICS_COLUMNS
};

enum assignment_column {
	ASSIGNMENT_TENANT,
	ASSIGNMENT_ID,
	ASSIGNMENT_PROMISED_AT,
	ASSIGNMENT_CHAT,
	ASSIGNMENT_OPERATOR,
	ASSIGNMENT_EXPIRES,
	ASSIGNMENT_COLUMNS
};

extern const struct table tables[TABLES];

/* The table with that name, or NULL. */
const struct table *table_find(const char *name, size_t len);

/* The parts of the statement that stores rows, the newest winning; see
 * db_bulk_new(). Owned. */
struct table_sql {
	char *head, *row, *tail;
};

void table_sql_init(struct table_sql *sql, const struct table *t);
void table_sql_release(struct table_sql *sql);

#endif
