/*
 * path_pattern: compares the path of a request with a pattern: a path whose
 * parts may be {name}, any one part that is not empty, and which may end in
 * {*name}, all the rest, that is not empty. Parts are compared as they were
 * sent, byte for byte.
 */
#ifndef COMMON_HTTP_PATH_PATTERN_H
#define COMMON_HTTP_PATH_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* True when the path fits the pattern. */
bool path_pattern_fits(const char *pattern, const char *path);

/* The n-th part of a path, from 0, as it was sent; *len is 0 when there are
 * fewer. For a handler whose pattern has a {name}. */
const char *path_pattern_part(const char *path, size_t n, size_t *len);

#endif
