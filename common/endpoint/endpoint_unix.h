/*
 * endpoint_unix: "unix:PATH", rows from programs to the sink of the same
 * machine without a broker between them. The sink listens; the others connect,
 * as often as it is there. What is not acknowledged stays with who wrote it,
 * and is sent again through the next connection: at least once, as by a queue.
 *
 *   writer                                       reader
 *     connects                              ->     accepts
 *     frame: struct unix_frame, whole lines ->     returns them as one block
 *                                           <-     how many frames of this
 *                                                  connection are safe: a
 *                                                  uint64_t, whenever it grows
 *
 * Both are of one machine, so numbers stand in its byte order. The aggregator's
 * input is acknowledged when the sink's transaction is committed; there is
 * neither a second log on disk nor a second confirm between.
 */
#ifndef COMMON_ENDPOINT_ENDPOINT_UNIX_H
#define COMMON_ENDPOINT_ENDPOINT_UNIX_H

#include "common/endpoint/endpoint_kind.h"

#define UNIX_FRAME_MAGIC UINT32_C(0x6672616d)

struct unix_frame {
	uint32_t magic;
	uint32_t len; /* bytes of lines, each with its newline; not 0 */
};

/* A frame has this many bytes at most, unless its only line has more. */
#define UNIX_FRAME_BYTES ((size_t)512 * 1024)

struct endpoint *endpoint_unix_open_read(const char *path,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);
struct endpoint *endpoint_unix_open_write(const char *path,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code);

#endif
