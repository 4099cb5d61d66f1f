/*
 * schema_number: the schema of a database, and whether the programs work with
 * it. A change of common/tables/tables.def that a released database needs
 * increments the number and adds a file for that database
 * (sink/tables/migrate.h).
 */
#ifndef COMMON_DB_SCHEMA_NUMBER_H
#define COMMON_DB_SCHEMA_NUMBER_H

#include "common/db/db.h"

#include <stdint.h>

/* The schema of this program. */
extern const int64_t schema_last;

/* The schema number of the database; 0: it has no schema. */
enum outcome schema_number(struct db *db, int64_t *number)
    __attribute__((warn_unused_result));

/* Returns NULL if this program works with that schema, otherwise advice. */
const char *schema_objection(int64_t number);

#endif
