/*
 * file_replace: see file_replace.h.
 */
#include "common/os/file_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

/* 0, or -1 with errno. */
static int
write_new(const char *name, mode_t mode, const void *data, size_t len)
{
	int fd;

	(void)unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	return fd < 0 ? -1 : file_write_and_close(fd, data, len);
}

enum exit_code
file_replace(const char *path, mode_t mode, const void *data, size_t len,
    struct buf *why)
{
	char *new = xasprintf("%s.%ld.new", path, (long)getpid());
	enum exit_code code = PROG_OK;
	const char *failed = NULL;
	int err;

	if (write_new(new, mode, data, len) != 0)
		failed = new;
	else if (file_rename(new, path) != 0)
		failed = path;
	err = errno;
	if (failed != NULL) {
		(void)unlink(new);
		errno = err;
		code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot write '%s'", failed);
	}
	free(new);
	return code;
}
