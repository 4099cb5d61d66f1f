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
	COLUMN_TEXT,    /* the same, for people to read: cut to max */
	COLUMN_TIME,    /* DATETIME(3): RFC 3339 */
	COLUMN_SECONDS, /* DECIMAL(15,3): a number, in thousandths inside */
	COLUMN_COUNT,   /* whole number from 0 to max */
	COLUMN_BOOL,    /* true or false */
	COLUMN_STATUS,  /* open, pending or snoozed */
};

struct column {
	const char *name;
	size_t name_len;
	enum column_kind kind;
	bool needed; /* NOT NULL: a row without it is a bad row */
	int64_t max; /* bytes, characters, or the greatest value */
};

/* The key is the first `keys` columns, tenant the first of them; the version
 * as_of is the last column. */
struct table {
	const char *name;
	const struct column *columns;
	size_t columns_n;
	size_t keys;
	int chat;      /* the column that names a chat, or -1 */
	bool snapshot; /* its rows count towards a whole snapshot */
};

enum table_id {
	TABLE_OPERATOR_METRICS,
	TABLE_CHAT_METRICS,
	TABLE_TENANT_METRICS,
	TABLE_EVENT_COUNTS,
	TABLES
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
