/*
 * spool_line: a line of the spool: its record, its number in the order of
 * all that were ever kept there, and a checksum of both. It is JSON, so that
 * `jq -c .record` reads what is whole of a damaged file, too.
 *
 *   {"n":12,"sum":"00f3a1b2c3d4e5f6","record":{"type":"message",...}}
 */
#ifndef POLLER_SPOOL_SPOOL_LINE_H
#define POLLER_SPOOL_SPOOL_LINE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends the line of a record that has no newline. */
void spool_line_put(
    struct buf *b, uint64_t number, const char *record, size_t len);

/* Of a line without its newline; the record lies within it. False: it is not
 * as it was written. */
bool spool_line_take(const char *line, size_t len, uint64_t *number,
    const char **record, size_t *record_len);

#endif
