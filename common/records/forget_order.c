/*
 * forget_order: see forget_order.h.
 */
#include "common/records/forget_order.h"

#include <errno.h>

#include "common/base/syserr.h"
#include "common/containers/pack.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"

#define LAYOUT 1
#define SUM_BYTES 8
#define MOST_BYTES ((size_t)64 * 1024 * 1024)

bool
forget_order_has_chat(const struct forget_order *o, struct text chat)
{
	struct pack r;

	if (o->chats.len == 0)
		return false;
	r = pack_open_bare(o->chats.p, o->chats.len);
	while (pack_more(&r))
		if (text_compare(pack_text(&r), chat) == 0)
			return true;
	return false;
}

enum exit_code
forget_order_write(
    const struct forget_order *o, const char *path, struct buf *why)
{
	struct buf bytes = BUF_INIT;
	enum exit_code code;

	pack_put_number(&bytes, LAYOUT);
	pack_put_text(&bytes, o->tenant);
	pack_put_text(&bytes, o->customer);
	pack_put_signed(&bytes, o->asked_at);
	pack_put_text(&bytes, o->chats);
	pack_put_text(&bytes, o->alias);
	pack_put_fixed(&bytes, checksum(0, bytes.data, bytes.len));
	code = file_replace(path, 0600, bytes.data, bytes.len, why);
	buf_release(&bytes);
	return code;
}

static int
unpack_order(struct forget_order *o, const struct buf *bytes)
{
	struct pack r = pack_open(bytes->data, bytes->len, LAYOUT);
	uint64_t sum;

	o->tenant = pack_text(&r);
	o->customer = pack_text(&r);
	o->asked_at = pack_signed(&r);
	o->chats = pack_text(&r);
	o->alias = pack_text(&r);
	sum = pack_fixed(&r);
	return pack_end(&r) == 0 &&
		       sum == checksum(0, bytes->data, bytes->len - SUM_BYTES)
		   ? 0
		   : -1;
}

int
forget_order_read(struct forget_order *o, const char *path, struct buf *bytes,
    struct buf *why)
{
	bytes->max = MOST_BYTES;
	if (file_read_path(path, 0, bytes) != 0) {
		if (errno == ENOENT)
			return 0;
		(void)syserr_explain(
		    why, PROG_NOINPUT, "cannot read '%s'", path);
		return -1;
	}
	if (unpack_order(o, bytes) == 0)
		return 1;
	buf_setf(why, "'%s' is damaged, or of another version", path);
	return -1;
}
