/*
 * spool_line: the format of a spool's line: the record, its number in the order
 * of all that were ever added, and a checksum of both. It is JSON, so that
 * `jq -c .record` reads the whole lines of a damaged file.
 *
 *   {"n":12,"sum":"00f3a1b2c3d4e5f6","record":{"type":"message",...}}
 */
#ifndef POLLER_OUTBOX_SPOOL_LINE_H
#define POLLER_OUTBOX_SPOOL_LINE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends the line of a record that has no newline. */
void spool_line_put(
    struct buf *b, uint64_t number, const char *record, size_t len);

/* Reads a line without its newline; the record points into it. False: it is
 * damaged. */
bool spool_line_take(const char *line, size_t len, uint64_t *number,
    const char **record, size_t *record_len);

#endif
