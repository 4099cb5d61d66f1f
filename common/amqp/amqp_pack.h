/*
 * amqp_pack: bodies of messages in LZ4's frame format (content_encoding
 * "lz4"), which any program can read that has the library. Where much passes a
 * quorum queue, the bytes that the broker writes are most of what it costs:
 * records shrink to a quarter. Private to endpoint_amqp_write.c and
 * amqp_inflow.c.
 */
#ifndef COMMON_AMQP_AMQP_PACK_H
#define COMMON_AMQP_AMQP_PACK_H

#include "common/base/buf.h"

#include <stddef.h>

#define AMQP_PACK_ENCODING "lz4"

/* What is shorter gains too little. */
#define AMQP_PACK_LEAST 1024

enum amqp_packed {
	AMQP_PACK_GOOD,
	AMQP_PACK_TOO_LONG, /* it would be longer than it may be */
	AMQP_PACK_DAMAGED,  /* a bad checksum, the end is missing, no frame */
};

/* Puts what from packs to into *to, whatever was there before. */
void amqp_pack(struct buf *to, const char *from, size_t len);

/* Adds to *to what the frames of from hold, ours or anybody's: of any block
 * size, with or without their length, one or several. At most max bytes, and
 * never much more memory than that; what was added is of use when it is
 * GOOD. */
enum amqp_packed amqp_unpack(struct buf *to, const char *from, size_t len,
    size_t max) __attribute__((warn_unused_result));

#endif
