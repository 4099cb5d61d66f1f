/*
 * amqp_compress: see amqp_compress.h.
 */
#include "common/amqp/amqp_compress.h"

#include <lz4frame.h>
#include <string.h>

#include "common/base/prog.h"

enum {
	/* Bytes of a block. With so much room in the buffer the library
	 * unpacks a block into it without a copy. */
	BLOCK = 64 * 1024,
	/* How much longer records are, unpacked: the first guess of room. */
	USUAL_RATIO = 4,
};

/* True if the code is an error of the frame. Ends the process when there is no
 * memory. */
static bool
is_error(size_t code)
{
	if (!LZ4F_isError(code))
		return false;
	/* The library has no public number for it. */
	if (strcmp(LZ4F_getErrorName(code), "ERROR_allocation_failed") == 0)
		prog_die(PROG_TEMPFAIL, "out of memory");
	return true;
}

void
amqp_compress(struct buf *to, const char *from, size_t len)
{
	const LZ4F_preferences_t how = {
		.frameInfo = { .blockSizeID = LZ4F_max64KB,
		    .blockMode = LZ4F_blockIndependent,
		    .contentChecksumFlag = LZ4F_contentChecksumEnabled,
		    .contentSize = len },
	};
	size_t bound = LZ4F_compressFrameBound(len, &how), n;

	buf_clear(to);
	n = LZ4F_compressFrame(buf_room(to, bound), bound, from, len, &how);
	if (is_error(n))
		prog_die(PROG_SOFTWARE, "lz4: %s", LZ4F_getErrorName(n));
	buf_grown(to, n);
}

/* Unpacks a block or less; *left: 0 at the end of a frame. False: the frame is
 * damaged. */
static bool
unpack_step(LZ4F_dctx *ctx, struct buf *to, const char **from, size_t *len,
    size_t *left)
{
	size_t used = *len, room;
	char *at = buf_room(to, BLOCK);

	room = to->cap - to->len - 1;
	*left = LZ4F_decompress(ctx, at, &room, *from, &used, NULL);
	if (is_error(*left))
		return false;
	buf_grown(to, room);
	*from += used;
	*len -= used;
	/* No progress: the frame ends too early. */
	return used > 0 || room > 0;
}

enum amqp_compressed
amqp_decompress(struct buf *to, const char *from, size_t len, size_t max)
{
	enum amqp_compressed rc = AMQP_COMPRESS_GOOD;
	size_t before = to->len, left = 1;
	LZ4F_dctx *ctx = NULL;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
		prog_die(PROG_TEMPFAIL, "out of memory");
	if (len < max / USUAL_RATIO)
		(void)buf_room(to, USUAL_RATIO * len + BLOCK);
	while (rc == AMQP_COMPRESS_GOOD && (len > 0 || left > 0)) {
		if (!unpack_step(ctx, to, &from, &len, &left))
			rc = AMQP_COMPRESS_DAMAGED;
		else if (to->len - before > max)
			rc = AMQP_COMPRESS_TOO_LONG;
	}
	(void)LZ4F_freeDecompressionContext(ctx);
	return rc;
}
