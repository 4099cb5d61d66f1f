/* gzip: see gzip.h. The only file that includes zlib.h. */
#include "tests/crm/gzip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"

static void
start(z_stream *z)
{
	memset(z, 0, sizeof *z);
	/* 16 + 15 requests a gzip header. */
	if (deflateInit2(z, 1, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		prog_die(PROG_SOFTWARE, "zlib does not start");
}

static void
feed(z_stream *z, const char *text, size_t len, int flush, struct buf *out)
{
	size_t room = deflateBound(z, (uLong)len) + 64;
	char *copy = xmalloc(len + 1);

	memcpy(copy, text, len);
	z->next_in = (Bytef *)copy;
	z->avail_in = (uInt)len;
	z->next_out = (Bytef *)buf_room(out, room);
	z->avail_out = (uInt)room;
	deflate(z, flush);
	buf_grown(out, room - z->avail_out);
	free(copy);
}

void
gzip_whole(const struct buf *in, struct buf *out)
{
	z_stream z;

	start(&z);
	feed(&z, buf_str(in), in->len, Z_FINISH, out);
	deflateEnd(&z);
}

void
gzip_bomb(const char *text, struct buf *head, struct buf *piece)
{
	size_t len = 1024 * 1024;
	char *blanks = xmalloc(len);
	z_stream z;

	start(&z);
	feed(&z, text, strlen(text), Z_FULL_FLUSH, head);
	/* After a full flush, a piece is independent of earlier ones, so it can
	 * be repeated. */
	memset(blanks, ' ', len);
	feed(&z, blanks, len, Z_FULL_FLUSH, piece);
	deflateEnd(&z);
	free(blanks);
}
