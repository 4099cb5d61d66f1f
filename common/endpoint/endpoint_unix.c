/*
 * endpoint_unix: the kind "unix:PATH", a row of the table in endpoint.c; see
 * endpoint_unix.h. Its two ends have files and operations of their own.
 */
#include "common/endpoint/endpoint_unix.h"

#include "common/unix/unix_socket.h"

static int
unix_check(const char *rest, enum endpoint_use use, struct buf *why)
{
	if (use == ENDPOINT_FROM)
		buf_setf(why,
		    "only sink reads 'unix:%s'; take queue:NAME, a file or "
		    "-",
		    rest);
	else if (rest[0] == '\0')
		buf_setf(why,
		    "'unix:' lacks the path of the socket; write unix:PATH");
	else if (!unix_socket_fits(rest))
		buf_setf(
		    why, "'unix:%s' is no socket: its path is too long", rest);
	else
		return 0;
	return -1;
}

static struct endpoint *
unix_open(const char *rest, bool writing, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	return writing ? endpoint_unix_open_write(rest, opt, why, code)
		       : endpoint_unix_open_read(rest, opt, why, code);
}

const struct endpoint_ops endpoint_unix_ops = {
	.prefix = "unix:",
	.check = unix_check,
	.open = unix_open,
};
