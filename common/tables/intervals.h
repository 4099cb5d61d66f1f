/*
 * intervals: which rows of the table intervals count. The aggregator always
 * writes the column withdrawn, but it may be NULL: a row without it, of another
 * program, is stored, and nobody has withdrawn that. One without ms was stored
 * when rows were not refused for it, and has nothing to add up.
 */
#ifndef COMMON_TABLES_INTERVALS_H
#define COMMON_TABLES_INTERVALS_H

/* A condition of SQL. No index has the columns, so it keeps none from use. */
#define INTERVAL_COUNTS "(COALESCE(withdrawn, 0) = 0 AND ms IS NOT NULL)"

#endif
