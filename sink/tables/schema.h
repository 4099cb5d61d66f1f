/*
 * schema: the tables and views that the migrations make, read from their files,
 * and how a database differs from them: a table that was removed, a column that
 * was changed. What others added is left alone unless it refuses our rows.
 *
 * Read are CREATE TABLE with one column or key a line (a line that is indented
 * deeper continues it), ALTER TABLE ... ADD COLUMN, RENAME COLUMN, ADD KEY and
 * REMOVE PARTITIONING, DROP TABLE, and CREATE ... VIEW, of which the last one
 * of a name counts; further the first rows of a table (INSERT ... VALUES) and
 * what gives a new column its values (UPDATE). A migration's other statements
 * move rows from one table to another, once.
 */
#ifndef SINK_TABLES_SCHEMA_H
#define SINK_TABLES_SCHEMA_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "sink/tables/migrations.h"

struct schema; /* opaque */

/* The schema of the files. Owned; free it with schema_free(). */
struct schema *schema_read(const struct migrations *files);
void schema_free(struct schema *s);

/* One difference. */
struct schema_difference {
	const char *what; /* "column messages.content is missing" */
	const char *sql;  /* repairs it, on one line or several; NULL:
			     schema_write_views() does */
	const char *made; /* the missing table that sql makes, or NULL */
	bool harmless;    /* the repair neither loses nor invents a value */
};

/* Calls report for each difference. What our user has no right to see is
 * ignored. */
enum outcome schema_compare(struct db *db, const struct schema *s,
    void (*report)(void *ctx, const struct schema_difference *d), void *ctx)
    __attribute__((warn_unused_result));

/* Makes that table of the schema under another name, unless it is there. */
enum outcome schema_make_table(struct db *db, const struct schema *s,
    const char *table, const char *name) __attribute__((warn_unused_result));

/* Puts in the first rows of tables, unless they are there. */
enum outcome schema_write_rows(struct db *db, const struct schema *s)
    __attribute__((warn_unused_result));

/* Makes each view that is not what the last file has of it. */
enum outcome schema_write_views(struct db *db, const struct schema *s)
    __attribute__((warn_unused_result));

#endif
