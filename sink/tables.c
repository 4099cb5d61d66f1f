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
#define AS_OF COLUMN("as_of", COLUMN_TIME, true, 0)

static const struct column operator_metrics[] = {
	TENANT,
	KEY("operator"),
	TEXT("name", 255),
	COLUMN("available", COLUMN_BOOL, false, 0),
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
};

static const struct column event_counts[] = {
	TENANT,
	KEY("user"),
	KEY("event"),
	COLUMN("count", COLUMN_COUNT, false, INT64_MAX),
	AS_OF,
};

#define COLUMNS(c) c, ARRAY_LEN(c)

const struct table tables[TABLES] = {
	[TABLE_OPERATOR_METRICS] = { "operator_metrics",
	    COLUMNS(operator_metrics), 2, -1, true },
	[TABLE_CHAT_METRICS] = { "chat_metrics", COLUMNS(chat_metrics), 2, 1,
	    true },
	[TABLE_TENANT_METRICS] = { "tenant_metrics", COLUMNS(tenant_metrics), 1,
	    -1, true },
	[TABLE_EVENT_COUNTS] = { "event_counts", COLUMNS(event_counts), 3, -1,
	    false },
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

/* Assignments are made from left to right and see the new values: were as_of
 * set before the others, an old row would leave its figures under a new
 * version, for ever. So the version comes last. */
static void
newest_wins(struct buf *sql, const struct table *t)
{
	size_t i;

	buf_adds(sql, " ON DUPLICATE KEY UPDATE ");
	for (i = t->keys; i < t->columns_n - 1; i++) {
		const char *name = t->columns[i].name;

		buf_addf(sql, "`%s` = IF(VALUES(as_of) > as_of, ", name);
		buf_addf(sql, "VALUES(`%s`), `%s`), ", name, name);
	}
	buf_adds(sql, "as_of = GREATEST(as_of, VALUES(as_of))");
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
	newest_wins(&tail, t);
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
