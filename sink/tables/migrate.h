/*
 * migrate: the schema's history. sink/migrations holds numbered files,
 * 0001_name.sql and so on; those that were applied stand in the table
 * schema_migrations with their checksums.
 *
 * DDL is not transactional: a file that was cut short by a crash is applied
 * again from its start, so each of its statements must bear being repeated.
 * Two that migrate at once take turns (GET_LOCK).
 *
 * What somebody removed since is made again, where that loses and invents
 * nothing (schema.h).
 */
#ifndef SINK_TABLES_MIGRATE_H
#define SINK_TABLES_MIGRATE_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/db/db.h"

#include <stdint.h>

#include "sink/tables/migrations.h"

/* Brings the database up to date with the files of folder dir, and the
 * thresholds that its views go by with conf, whether or not the schema was.
 * The exit code; what went wrong, or was done, is logged. */
enum exit_code migrate_run(
    struct db *db, const struct conf *conf, const char *dir);

/* The number the database is at, 0 for none. */
enum outcome migrate_number(struct db *db, int64_t *number)
    __attribute__((warn_unused_result));

/* NULL when a program of this version can work with that schema, else what to
 * do about it. */
const char *migrate_objection(int64_t number);

#endif
