/*
 * amqp_compress: compresses bodies of messages to LZ4 frames (content_encoding
 * "lz4") and decompresses them; any program with the library can read them.
 * Most of the cost of a busy quorum queue is the bytes that the broker writes,
 * and records shrink to a quarter. Private to the two ends of a queue:
 * amqp_message.c and endpoint_amqp_write.c.
 */
#ifndef COMMON_AMQP_AMQP_COMPRESS_H
#define COMMON_AMQP_AMQP_COMPRESS_H

#include "common/base/buf.h"

#include <stddef.h>

#define AMQP_COMPRESS_ENCODING "lz4"

/* Bytes; shorter bodies gain too little. */
#define AMQP_COMPRESS_LEAST 1024

enum amqp_compressed {
	AMQP_COMPRESS_GOOD,
	AMQP_COMPRESS_TOO_LONG, /* it would be longer than it may be */
	AMQP_COMPRESS_DAMAGED,  /* bad checksum, no end, or no frame */
};

/* Replaces *to by the compressed frame of from. */
void amqp_compress(struct buf *to, const char *from, size_t len);

/* Appends to *to the content of the frames in from, one or several, of any
 * block size, with or without their length. At most max bytes, and never much
 * more memory than that; what was appended is valid when the result is GOOD. */
enum amqp_compressed amqp_decompress(struct buf *to, const char *from,
    size_t len, size_t max) __attribute__((warn_unused_result));

#endif
