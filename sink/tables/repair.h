/*
 * repair: makes what a database lacks of the schema, where that neither loses
 * nor invents a value, as the last file has it. What is there is not touched,
 * but for views that are not those of the files.
 *
 * It may be interrupted anywhere, and tried again: a table is made whole or
 * not at all, what is filled has its name only then, what has to be added up is
 * noted before, and views are compared each time.
 */
#ifndef SINK_TABLES_REPAIR_H
#define SINK_TABLES_REPAIR_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/db/db.h"
#include "sink/tables/migrations.h"

/* All files are applied. OUTCOME_NEVER with *why and *code: a person has
 * something to repair; *code stays PROG_OK where db_why() tells it. */
enum outcome repair_schema(struct db *db, const struct migrations *files,
    struct buf *why, enum exit_code *code) __attribute__((warn_unused_result));

#endif
