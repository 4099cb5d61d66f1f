/*
 * intervals: which rows of the table intervals count. The aggregator always
 * writes the column withdrawn, but it may be NULL: a row without it, of another
 * program, is stored, and nobody has retracted that.
 */
#ifndef COMMON_TABLES_INTERVALS_H
#define COMMON_TABLES_INTERVALS_H

/* A condition of SQL. No index has the column, so it keeps none from use. */
#define INTERVAL_COUNTS "(COALESCE(withdrawn, 0) = 0)"

#endif
