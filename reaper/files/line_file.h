/*
 * line_file: reads a file of lines, and removes or replaces some of its lines:
 * a new file beside it is synced and then takes the name of the old one. Killed
 * at any time, there is the old file or the new one.
 *
 * The file is locked meanwhile (flock), as by those that append to it;
 * archive.c notices that it was exchanged while it waited for the lock.
 */
#ifndef REAPER_FILES_LINE_FILE_H
#define REAPER_FILES_LINE_FILE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>

/* Gets a line without its newline, with 64 readable bytes behind it. The last
 * one may be cut. */
typedef bool line_file_fn(void *ctx, const char *line, size_t len);

/* Calls see() for each line, whatever it returns. A file that is not
 * there has none. PROG_OK, or the code and *why. */
enum exit_code line_file_read(const char *path, line_file_fn *see, void *ctx,
    struct buf *why) __attribute__((warn_unused_result));

/* The same; true: the line goes, and the lines that are appended to *instead,
 * which is empty, take its place. */
typedef bool line_file_change_fn(
    void *ctx, const char *line, size_t len, struct buf *instead);

/* Changes the lines for which change(), which is called once for each, is true.
 * PROG_TEMPFAIL and *why, and the file stays, when others hold its lock, or
 * write to it without that meanwhile. */
enum exit_code line_file_change(const char *path, line_file_change_fn *change,
    void *ctx, struct buf *why) __attribute__((warn_unused_result));

#endif
