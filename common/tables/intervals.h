/*
 * intervals: the condition for rows of the table intervals that count. The
 * aggregator always writes the column withdrawn, but rows from other programs
 * may lack it (NULL) and count as not withdrawn. Rows without ms contribute
 * nothing to sums.
 */
#ifndef COMMON_TABLES_INTERVALS_H
#define COMMON_TABLES_INTERVALS_H

/* An SQL condition. No index has these columns, so the condition does not
 * prevent the use of one. */
#define INTERVAL_COUNTS "(COALESCE(withdrawn, 0) = 0 AND ms IS NOT NULL)"

#endif
