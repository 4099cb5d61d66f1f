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

#include "sink/tables/migrations.h"

/* Applies the files of folder dir that are not applied yet, and writes the
 * thresholds of conf for the views, even if the schema was up to date. Logs
 * what it does, and errors; returns the exit code. */
enum exit_code migrate_run(
    struct db *db, const struct conf *conf, const char *dir);

#endif
