/*
 * staging_file: one unfinished snapshot of one tenant on the disk, as its lines
 * came over the queue, so that their messages can be acknowledged before its
 * end.
 *
 *   messaging-spool 2
 *   @ LINE BYTES CHECKSUM MESSAGE-ID
 *   BYTES bytes: lines, the last of which was line LINE of that message
 *   ...
 *
 * A piece is appended as a whole and synced. One that is not whole at the end
 * of the file was never acknowledged: it is cut off, and comes again. Anything
 * else that is wrong is damage, a piece that is not whole and has whole ones
 * behind it, too: it is refused and never mended by guessing.
 */
#ifndef AGGREGATOR_SNAPSHOT_STAGING_FILE_H
#define AGGREGATOR_SNAPSHOT_STAGING_FILE_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* Adds a piece to a buffer that staging_file_append() takes. id NULL: none. */
void staging_file_piece(struct buf *to, const char *id, uint64_t line,
    const char *lines, size_t len);

/* Appends pieces and syncs them; creates the file with its head first. 0, or
 * -1 with *why (errno kept) and nothing appended. */
int staging_file_append(const char *path, const struct buf *pieces,
    struct buf *why) __attribute__((warn_unused_result));

/* What staging_file_read() tells; -1 ends the reading. id is "" for none. */
struct staging_file_reader {
	void *ctx;
	/* One line, with 64 readable bytes behind it. */
	int (*line)(void *ctx, char *line, size_t len);
	/* After the lines of a piece. May be NULL. */
	void (*piece)(void *ctx, const char *id, uint64_t line);
};

/* Reads all pieces; cuts off a last one that is not whole. 1 when there was
 * something, 0 when there is no such file or no piece in it, -1 and *why;
 * errno is then 0 but when the system would not let it be read. */
int staging_file_read(const char *path, const struct staging_file_reader *r,
    struct buf *why) __attribute__((warn_unused_result));

#endif
