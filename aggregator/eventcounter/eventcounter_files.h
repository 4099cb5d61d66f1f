/*
 * eventcounter_files: the counts as files, DIR/created.json and so on, one for
 * each type that occurred: {"USER": COUNT, ...}, an indent of two blanks, keys
 * in the order of their bytes, no newline at the end. Each is replaced as a
 * whole; a reader sees the old one or the new one.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_FILES_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_FILES_H

#include "common/base/buf.h"

#include "aggregator/eventcounter/eventcounter_parts.h"

/* Makes the folder if it is missing, and sees whether files can be made in it.
 * 0, or -1 with *why. */
int files_check(const char *dir, struct buf *why)
    __attribute__((warn_unused_result));

/* Of partitions that rest. 0, or -1 with *why: a full disk, ... */
int files_write(const char *dir, const struct parts *parts, struct buf *why)
    __attribute__((warn_unused_result));

#endif
