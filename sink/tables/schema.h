/*
 * schema: the tables and views that the migrations make, read from their files,
 * and how a database differs from them: a table that was removed, a column that
 * was changed. What others added is left alone unless it refuses our rows.
 *
 * Read are CREATE TABLE with one column or key a line (a line that is indented
 * deeper continues it), ALTER TABLE ... ADD COLUMN and RENAME COLUMN, DROP
 * TABLE, and CREATE ... VIEW. A migration's other statements do not change the
 * schema.
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
	const char *sql;  /* repairs it; NULL: apply the files again */
	bool harmless;    /* the repair neither loses nor invents a value */
};

/* Calls report for each difference. What our user has no right to see is
 * ignored. */
enum outcome schema_compare(struct db *db, const struct schema *s,
    void (*report)(void *ctx, const struct schema_difference *d), void *ctx)
    __attribute__((warn_unused_result));

#endif
