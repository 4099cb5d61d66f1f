/*
 * line_file: reads a file of lines, and removes or replaces some of its lines:
 * a new file is written next to it, synced, and renamed to the old name. If the
 * process is killed at any time, either the old file or the new one exists.
 *
 * The file is locked meanwhile (flock), as it is while lines are appended;
 * file.c notices if the file was replaced while it waited for the lock.
 */
#ifndef REAPER_RIGHTS_LINE_FILE_H
#define REAPER_RIGHTS_LINE_FILE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>

/* Gets a line without its newline; the last one may be truncated. Returns true
 * if what it appended to *instead should replace the line. */
typedef bool line_file_fn(
    void *ctx, const char *line, size_t len, struct buf *instead);

/* Both log errors, and return the exit code. */

/* Calls see() for each line, and changes nothing. A missing file has no
 * lines. */
enum exit_code line_file_read(const char *path, line_file_fn *see, void *ctx)
    __attribute__((warn_unused_result));

/* Changes the lines for which change(), called once for each, returns true.
 * Returns PROG_TEMPFAIL, and leaves the file, if others hold its lock, or write
 * to it without the lock meanwhile. */
enum exit_code line_file_change(const char *path, line_file_fn *change,
    void *ctx) __attribute__((warn_unused_result));

#endif
