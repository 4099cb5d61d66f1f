/*
 * migrate: creates the schema in a new database, or rejects a schema that
 * differs, with advice.
 *
 * The table schema_migrations has the number of the schema. It is written last:
 * until then a killed migration is repeated from its start. Every statement may
 * run again, also in another migration at the same time.
 */
#ifndef SINK_TABLES_MIGRATE_H
#define SINK_TABLES_MIGRATE_H

#include "common/conf/conf.h"
#include "common/db/db.h"

/* dir has views.sql. Creates all views again, and writes the
 * thresholds of conf for them. Logs its steps and errors; returns the exit
 * code. */
enum exit_code migrate_run(
    struct db *db, const struct conf *conf, const char *dir);

#endif
