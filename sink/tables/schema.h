/*
 * schema: the SQL that creates our tables, which tables.def declares, and our
 * views, which are in views.def.
 */
#ifndef SINK_TABLES_SCHEMA_H
#define SINK_TABLES_SCHEMA_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "common/tables/tables.h"

#include <stdbool.h>
#include <stddef.h>

struct schema_view {
	char *name;
	char *sql; /* CREATE OR REPLACE ... VIEW */
};

/* The views, each after those that it reads. */
struct schema {
	struct schema_view *view;
	size_t views, cap;
};

void schema_init(struct schema *s);
void schema_release(struct schema *s);

/* Appends "CREATE TABLE IF NOT EXISTS ..." to sql, on one line. */
void schema_add_table(struct buf *sql, const struct table *t);

/* Return the SQL of a column: its type, such as "VARCHAR(64)", whether it may
 * be NULL, and its default, "0" or "''"; NULL: it has none. */
#define COLUMN_TYPE 32
void column_type(const struct column *c, char type[COLUMN_TYPE]);
bool column_is_null(const struct column *c);
const char *column_default(const struct column *c);

/* Appends the definition of a column: "VARCHAR(64) NOT NULL". expression: how
 * the database computes it, or NULL. */
void schema_add_column(
    struct buf *sql, const struct column *c, const char *expression);

/* A difference between a database and the schema. */
struct schema_difference {
	const char *what;    /* "column messages.content is missing" */
	const char *way_out; /* "type: ALTER TABLE ..." */
};

/* Calls report for each difference in a table. Additions by others are left
 * alone unless they refuse our rows; objects that our user may not see are
 * ignored. */
enum outcome schema_compare_tables(struct db *db,
    void (*report)(void *ctx, const struct schema_difference *d), void *ctx)
    __attribute__((warn_unused_result));

/* Calls report for each view that is missing or cannot be read. */
enum outcome schema_compare_views(struct db *db, const struct schema *s,
    void (*report)(void *ctx, const struct schema_difference *d), void *ctx)
    __attribute__((warn_unused_result));

#endif
