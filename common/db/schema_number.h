/*
 * schema_number: the number of the schema in a database, and whether this
 * program works with it. db_check_schema() compares it on each connection.
 */
#ifndef COMMON_DB_SCHEMA_NUMBER_H
#define COMMON_DB_SCHEMA_NUMBER_H

#include "common/base/prog.h"

#include <stdint.h>

struct db;

/* The schema of this program. A change of common/tables/tables.def increments
 * the number once there are released databases. */
extern const int64_t schema_last;

/* The schema number of the database; 0: it has no schema. */
enum outcome schema_number(struct db *db, int64_t *number)
    __attribute__((warn_unused_result));

/* Returns NULL if this program works with that schema, otherwise advice. A
 * schema that is one number newer is accepted, so that the migration by the
 * first of several machines does not stop the others before they are upgraded:
 * a migration only adds tables and columns that may be left out. */
const char *schema_objection(int64_t number);

#endif
