/*
 * upsert_sql: the statement that upserts rows of a table, made from the table's
 * declaration, and the columns that decide which of two rows with the same key
 * stays.
 */
#ifndef SINK_TABLES_UPSERT_SQL_H
#define SINK_TABLES_UPSERT_SQL_H

#include "common/tables/tables.h"

/* Returns the columns that decide between two rows with the same key and
 * version, in this order: the bytewise greater value stays. If there are none,
 * the row that arrived first stays. If there are any, they are all columns
 * except the key and the version. */
const size_t *table_ties(const struct table *t, size_t *n);

/* The parts of the upsert, which keeps the newest version; see db_bulk_new().
 * Owned; release them with upsert_sql_release(). */
struct upsert_sql {
	char *head, *row, *tail;
};

void upsert_sql_init(struct upsert_sql *sql, const struct table *t);
void upsert_sql_release(struct upsert_sql *sql);

#endif
