/*
 * staging_spool: the file of one tenant's unfinished snapshot, with its lines
 * as they came over the queue, so that their messages can be acknowledged
 * before the snapshot ends.
 *
 *   messaging-spool 2
 *   @ LINE BYTES CHECKSUM MESSAGE-ID
 *   BYTES bytes: lines, the last of which was line LINE of that message
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

/* Adds a piece to a buffer for staging_spool_append(). id NULL: none. */
void staging_spool_piece(struct buf *to, const char *id, uint64_t line,
    const char *lines, size_t len);

/* Appends pieces and syncs them; a new file gets its first line before. 0, or
 * -1 with *why (errno kept) and nothing appended. */
int staging_spool_append(const char *path, const struct buf *pieces,
    struct buf *why) __attribute__((warn_unused_result));

/* Callbacks of staging_spool_read(). An id of "" means none. */
struct staging_spool_reader {
	void *ctx;
	/* One line, with 64 readable bytes behind it. -1 ends the reading. */
	int (*line)(void *ctx, char *line, size_t len);
	/* After the lines of a piece. May be NULL. */
	void (*piece)(void *ctx, const char *id, uint64_t line);
};

/* Reads all pieces, and cuts off a last one that is not whole. 1: there were
 * some; 0: no such file, or no piece in it; -1: *why, and errno of the system's
 * error, or 0 when the contents are wrong. */
int staging_spool_read(const char *path, const struct staging_spool_reader *r,
    struct buf *why) __attribute__((warn_unused_result));

#endif
