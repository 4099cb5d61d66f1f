/*
 * schema: the tables and views as the migrations make them, read from their
 * files, and what a database has otherwise: somebody removed a table or changed
 * a column. What others have added is theirs, unless it is in the way of our
 * rows.
 *
 * Read are CREATE TABLE with one column or key a line (a line that is indented
 * deeper goes on with it), ALTER TABLE ... ADD COLUMN, and CREATE ... VIEW:
 * what a migration may contain besides does not change the schema.
 */
#ifndef SINK_TABLES_SCHEMA_H
#define SINK_TABLES_SCHEMA_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "sink/tables/migrations.h"

struct schema; /* opaque */

/* Owned. */
struct schema *schema_read(const struct migrations *files);
void schema_free(struct schema *s);

/* One thing that differs. */
struct schema_fault {
	const char *what; /* "column messages.content is missing" */
	const char *sql;  /* what mends it; NULL: to apply the files again */
	bool harmless;    /* no value is lost by that, and none invented */
};

/* Tells each fault. What the user has no right to see is passed over. */
enum outcome schema_compare(struct db *db, const struct schema *s,
    void (*fault)(void *ctx, const struct schema_fault *f), void *ctx)
    __attribute__((warn_unused_result));

#endif
