/*
 * day_partitions: the daily partitions of tables of messages and the like, the
 * days that get one (day_gets_partition()), and how they are split off another
 * (ALTER TABLE ... REORGANIZE PARTITION).
 *
 * Partition pYYYYMMDD has that day, bYYYYMMDD all earlier days that no other
 * partition has, and bmax all later days.
 *
 * Splitting copies the rows of the partition and blocks all others meanwhile,
 * so a sink only splits partitions with few rows, as sink/store/partitions.h
 * describes.
 */
#ifndef SINK_TABLES_DAY_PARTITIONS_H
#define SINK_TABLES_DAY_PARTITIONS_H

#include "common/base/buf.h"
#include "common/db/db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Days since 1970, sorted, without duplicates. A zeroed struct is empty. */
struct day_list {
	int64_t *day;
	size_t n, cap;
};

/* Returns the index of the day, or where it belongs. */
size_t day_list_position(const struct day_list *l, int64_t day);
bool day_list_has(const struct day_list *l, int64_t day);
void day_list_add(struct day_list *l, int64_t day);
void day_list_release(struct day_list *l);

int64_t day_number(int64_t ms);

/* True for days close enough to today: a clock that is wrong by years must not
 * create hundreds of partitions. */
bool day_gets_partition(int64_t day, int64_t today);

/* Days after today that are split off before their first row. */
#define DAYS_AHEAD 3

#define PARTITION_MAX INT64_MAX
#define PARTITION_NAME 16

/* A partition with the days [from, below). */
struct day_partition {
	char name[PARTITION_NAME + 1];
	int64_t from, below; /* INT64_MIN, PARTITION_MAX: unlimited */
};

/* Reads the partitions of a table, in order. *list is NULL if they have another
 * form, or could not be read; release it with free(). */
enum outcome day_partitions_read(struct db *db, const char *table,
    struct day_partition **list, size_t *n) __attribute__((warn_unused_result));

/* Finds whether it has so many rows that splitting would take long. */
enum outcome day_partition_is_large(struct db *db, const char *table,
    const struct day_partition *p, bool *large)
    __attribute__((warn_unused_result));

/* The first splits the n sorted days, all of which the partition holds, off it;
 * the second appends the statement that does so. */
void day_partition_write_split(struct buf *sql, const char *table,
    const struct day_partition *p, const int64_t *days, size_t n);
enum outcome day_partition_split(struct db *db, const char *table,
    const struct day_partition *p, const int64_t *days, size_t n)
    __attribute__((warn_unused_result));

#endif
