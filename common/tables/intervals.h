/*
 * intervals: which rows of the table intervals count. The aggregator always
 * writes the column withdrawn, but rows from other programs may lack it (NULL)
 * and count as not withdrawn. Rows without ms have nothing to add up.
 */
#ifndef COMMON_TABLES_INTERVALS_H
#define COMMON_TABLES_INTERVALS_H

/* An SQL condition. No index has these columns, so it does not prevent the use
 * of one. */
#define INTERVAL_COUNTS "(COALESCE(withdrawn, 0) = 0 AND ms IS NOT NULL)"

#endif
