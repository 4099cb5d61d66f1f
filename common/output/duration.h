/*
 * duration: formats a length of time for people.
 */
#ifndef COMMON_OUTPUT_DURATION_H
#define COMMON_OUTPUT_DURATION_H

#include <stdint.h>

#define DURATION_TEXT 32

/* "0.4s", "42s", "3m12s", "2h05m", "4d03h": two units at most, rounded down.
 * text has DURATION_TEXT bytes and is returned. */
const char *duration_format(int64_t ms, char *text);

#endif
