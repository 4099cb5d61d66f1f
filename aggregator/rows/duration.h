/*
 * duration: a length of time as a person reads it.
 */
#ifndef AGGREGATOR_ROWS_DURATION_H
#define AGGREGATOR_ROWS_DURATION_H

#include <stdint.h>

#define DURATION_TEXT 32

/* "0.4s", "42s", "3m12s", "2h05m", "4d03h": two units at most, cut, not
 * rounded up. text has DURATION_TEXT bytes; returned. */
const char *duration_format(int64_t ms, char *text);

#endif
