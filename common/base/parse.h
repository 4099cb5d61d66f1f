/*
 * parse: converts text to values, strictly. The whole string must be the value,
 * without leading spaces and independent of the locale; otherwise the function
 * returns -1 and stores nothing. Values that do not fit are errors.
 */
#ifndef COMMON_BASE_PARSE_H
#define COMMON_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* A decimal integer in [min, max]. */
int parse_int(const char *s, int64_t min, int64_t max, int64_t *out)
    __attribute__((warn_unused_result));

/* "64k", "10M", "2G", or a number of bytes; at least 1. */
int parse_size(const char *s, uint64_t *out)
    __attribute__((warn_unused_result));

/* "250ms", "5s", "10m", "2h", "7d"; a number without a unit is in seconds. The
 * result is in ms. */
int parse_duration(const char *s, int64_t *ms)
    __attribute__((warn_unused_result));

/* Append a value in the form in which it is read, with the largest unit: "64k",
 * "7d". */
void parse_add_size(struct buf *to, uint64_t n);
void parse_add_duration(struct buf *to, int64_t ms);

/* yes/no, true/false, on/off, 1/0. */
int parse_bool(const char *s, bool *out) __attribute__((warn_unused_result));

/* True if s has 1 to max characters of [A-Za-z0-9_.-] and does not begin with a
 * dot or a dash: a name of a tenant, queue or file. */
bool parse_is_name(const char *s, size_t max);
bool parse_is_name_n(const char *s, size_t len, size_t max);

/* True if the bytes are valid UTF-8 (RFC 3629: no surrogates, no overlong
 * forms, nothing above U+10FFFF). */
bool parse_is_utf8(const char *s, size_t len);

/* Returns the length of a byte order mark at the beginning, which some programs
 * write before UTF-8 and which is not part of the text: 3 or 0. */
size_t parse_utf8_mark(const char *s, size_t len);

/* True if the text begins like UTF-16. */
bool parse_is_utf16(const char *s, size_t len);

#endif
