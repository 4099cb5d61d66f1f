/*
 * schema_impl: the form of struct schema, which schema.c reads from the files
 * and schema_compare.c compares with the database, definitions by
 * schema_definition.c; schema_write.c writes its views.
 */
#ifndef SINK_TABLES_SCHEMA_IMPL_H
#define SINK_TABLES_SCHEMA_IMPL_H

#include <stdbool.h>
#include <stddef.h>

#include "sink/tables/schema.h"

struct schema_column {
	char *name;
	char *definition; /* "VARCHAR(64) NOT NULL" */
};

struct schema_key {
	char *name;    /* "PRIMARY", or as it is called */
	char *columns; /* "tenant,chat" */
};

struct schema_table {
	char *name;
	struct schema_column *column;
	size_t columns, columns_cap;
	struct schema_key *key;
	size_t keys, keys_cap;
	char *day;        /* the column of its partitions; NULL: it has none */
	char *former_day; /* of those that a file removed; NULL: none did */
	char *options;    /* ") ENGINE=InnoDB ...", partitions included */
	char *rows;       /* the INSERT of its first rows; NULL: it has none */
	char *update;     /* the UPDATE of a column that was added, or NULL */
};

struct schema_view {
	char *name;
	char *query; /* "AS SELECT ...", as the last file has it */
	bool placed; /* in struct schema.order */
};

struct schema {
	struct schema_table *table;
	size_t tables, tables_cap;
	struct schema_view *view;
	size_t views, views_cap;
	size_t *order; /* of the views: each behind those that it reads */
	size_t ordered;
};

/* Appends the statement that makes a table under that name, all of it at once:
 * a repair that is interrupted leaves no half of a table. */
void schema_write_table(
    struct buf *sql, const struct schema_table *t, const char *name);

/* Whether a column of type `is` is of that definition's type. */
bool schema_same_type(const char *definition, const char *is);

/* Whether a generated column of expression `is` has the values that its
 * definition gives it. */
bool schema_same_expression(const char *definition, const char *is);

/* Whether a column has the default of its definition. none: it has none. */
bool schema_same_default(const char *definition, bool none, const char *is);

/* Appends the names of the columns that the query of a view has, parted by
 * commas. */
void schema_view_columns(const char *query, struct buf *list);

#endif
