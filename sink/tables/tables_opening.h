/*
 * tables_opening: a database that was just started opens a table when it is
 * first asked for, and one of a hundred partitions, of a day each, takes it a
 * tenth of a second. This has them opened before anybody waits for an answer.
 */
#ifndef SINK_TABLES_TABLES_OPENING_H
#define SINK_TABLES_TABLES_OPENING_H

#include <stdint.h>

#include "common/db/db.h"

/* After each connection of db again; *connects: of when that was done last, at
 * first 0. A table that cannot be read, or is locked, stays as it is. */
void tables_opening_look(struct db *db, uint64_t *connects);

#endif
