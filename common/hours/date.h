/*
 * date: dates of the configuration, "2026-12-24", as days since 1970-01-01.
 */
#ifndef COMMON_HOURS_DATE_H
#define COMMON_HOURS_DATE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* The days for which hours are computed: 2000-01-01 to 2037-12-31. */
#define DATE_FIRST INT64_C(10957)
#define DATE_LAST INT64_C(24836)

/* Reads the date at *s, one of the days above; *s: what follows it. */
bool date_read(const char **s, int64_t *day);

/* The same for the whole text. */
bool date_read_all(const char *s, int64_t *day);

/* Appends a date. */
void date_add(int64_t day, struct buf *to);

#endif
