/*
 * staging_spool: the file of one tenant's unfinished snapshot, with its lines
 * as they came over the queue, so that their messages can be acknowledged
 * before the snapshot ends.
 *
 *   messaging-spool 3
 *   @ BYTES CHECKSUM
 *   BYTES bytes: lines
 *   ...
 *
 * A piece is appended whole and synced. A last piece that is not whole was
 * never acknowledged: it is cut off, and its lines come again. Anything else
 * that is wrong is damage, also a piece that is not whole and has whole ones
 * behind it. Such a file is refused and never repaired by guessing.
 */
#ifndef AGGREGATOR_SNAPSHOT_STAGING_SPOOL_H
#define AGGREGATOR_SNAPSHOT_STAGING_SPOOL_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* Appends lines as a piece and syncs it; a new file gets its first line before.
 * 0, or -1 with *why (errno kept) and nothing appended. */
int staging_spool_append(const char *path, const struct buf *lines,
    struct buf *why) __attribute__((warn_unused_result));

/* Callback of staging_spool_read(). */
struct staging_spool_reader {
	void *ctx;
	/* One line, with 64 readable bytes behind it. -1 ends the reading. */
	int (*line)(void *ctx, char *line, size_t len);
};

/* Reads all pieces, and cuts off a last one that is not whole. 1: there were
 * some; 0: no such file, or no piece in it; -1: *why, and errno of the system's
 * error, or 0 when the contents are wrong. */
int staging_spool_read(const char *path, const struct staging_spool_reader *r,
    struct buf *why) __attribute__((warn_unused_result));

#endif
