/*
 * migrate: brings the schema up to date. The folder sink/migrations holds
 * numbered files, 0001_name.sql and so on; the table schema_migrations lists
 * those that are applied, with their checksums.
 *
 * DDL is not transactional: after a crash a file is applied again from its
 * start, so each of its statements must be repeatable. Two migrations at the
 * same time take turns (GET_LOCK).
 *
 * A table, column or view that was removed later is created again where that
 * neither loses nor invents a value (repair.h). Partitions that are too large
 * for sinks to split are cut (day_partitions.h).
 */
#ifndef SINK_TABLES_MIGRATE_H
#define SINK_TABLES_MIGRATE_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/db/db.h"

#include <stdint.h>

#include "sink/tables/migrations.h"

/* Applies the files of folder dir that are not applied yet, and writes the
 * thresholds of conf for the views, even if the schema was up to date. Logs
 * what it does, and errors; returns the exit code. */
enum exit_code migrate_run(
    struct db *db, const struct conf *conf, const char *dir);

/* The number of the last applied file, 0 for none. */
enum outcome migrate_number(struct db *db, int64_t *number)
    __attribute__((warn_unused_result));

/* NULL when this program works with that schema, else what to do about it. */
const char *migrate_objection(int64_t number);

/* A greeting of each connection (db.h): this program works with no other
 * schema. Who may not read its number is not held up. */
enum outcome migrate_greeting(struct db *db, struct buf *why);

#endif
