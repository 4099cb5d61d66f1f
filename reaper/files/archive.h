/*
 * archive: a file to which deleted rows are written first, as row records
 * (NDJSON). Rows are synced to disk before the transaction that deletes them
 * commits. After a crash, a row may therefore be in the file and in the table,
 * or twice in the file, but never in neither.
 *
 * The file is private (0600), not opened through a symbolic link, and locked by
 * one process at a time (flock). Before each write, the file is opened again if
 * logrotate or reaper --forget has moved it, and created if it is missing. A
 * last line without a newline, left by a crash or a full disk, belongs to a
 * deletion that was not committed, and is removed.
 */
#ifndef REAPER_FILES_ARCHIVE_H
#define REAPER_FILES_ARCHIVE_H

#include "common/base/buf.h"
#include "common/base/prog.h"

struct archive;

/* Opens and locks the file. Owned; NULL with *why and *code on errors. */
struct archive *archive_open(const char *path, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));

/* Appends complete lines and syncs them to disk. Returns -1 with *why and *code
 * on errors; the file is then unchanged. */
int archive_write(struct archive *a, const struct buf *lines, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));

void archive_close(struct archive *a);

#endif
