/*
 * table_sql: which of two rows of one key stays, and the statement that stores
 * rows so, made from the table's declaration.
 */
#ifndef SINK_TABLES_TABLE_SQL_H
#define SINK_TABLES_TABLE_SQL_H

#include "common/tables/tables.h"

/* The columns that decide between two rows of one key and version, the first
 * one first, the greater by bytes stays; none: the row that came first stays.
 * Where there are some, they are all but the key and the version. */
const size_t *table_ties(const struct table *t, size_t *n);

/* The parts of the statement that stores rows, the newest winning; see
 * db_bulk_new(). Owned. */
struct table_sql {
	char *head, *row, *tail;
};

void table_sql_init(struct table_sql *sql, const struct table *t);
void table_sql_release(struct table_sql *sql);

#endif
