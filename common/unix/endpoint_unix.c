/*
 * endpoint_unix: the kind "unix:PATH", a row of the table in endpoint.c; see
 * endpoint_unix.h. Its two ends have files and operations of their own.
 */
#include "common/unix/endpoint_unix.h"

#include "common/unix/unix_socket.h"

static struct endpoint *
unix_open(const char *rest, bool writing, const struct endpoint_options *opt,
    struct buf *why, enum exit_code *code)
{
	if (!writing && !opt->takes_socket) {
		buf_setf(why,
		    "only sink reads 'unix:%s'; take queue:NAME, a file or "
		    "-",
		    rest);
		*code = PROG_USAGE;
		return NULL;
	}
	if (!unix_socket_fits(rest)) {
		buf_setf(why,
		    "'unix:%s' is no socket: its path is empty or too long",
		    rest);
		*code = PROG_USAGE;
		return NULL;
	}
	return writing ? endpoint_unix_open_write(rest, opt, why, code)
		       : endpoint_unix_open_read(rest, opt, why, code);
}

const struct endpoint_ops endpoint_unix_ops = {
	.prefix = "unix:",
	.open = unix_open,
};
