/*
 * archive: the file that what is deleted is written to first, as row records
 * (NDJSON). Rows are safe on the disk before the transaction that deletes
 * them commits, so a crash may leave a row in the file that is in the table
 * too, or twice in the file, and never one that is in neither.
 *
 * The file is private (0600), never reached through a link, and held by one
 * process at a time (flock). A last line without newline, what a crash or a
 * full disk leaves behind, belonged to a deletion that did not happen and is
 * cut off.
 */
#ifndef REAPER_ROWS_ARCHIVE_H
#define REAPER_ROWS_ARCHIVE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

struct archive;

/* NULL, *why and *code when the file cannot be had. Owned. */
struct archive *archive_open(const char *path, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));

/* Appends whole lines and waits until they are on the disk. -1, *why and
 * *code when that failed; the file is then as it was. */
int archive_write(struct archive *a, const struct buf *lines, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));

void archive_close(struct archive *a);

#endif
