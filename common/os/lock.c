/*
 * lock: see lock.h. The file stays after the release: unlinking it would let
 * two processes lock two files of one name.
 */
#define _DEFAULT_SOURCE /* flock */

#include "common/os/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/base/syserr.h"
#include "common/os/file.h"

int
lock_take(const char *path, struct buf *why)
{
	int fd, err;

	fd = file_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	if (fd < 0) {
		(void)syserr_explain(
		    why, PROG_CANTCREATE, "cannot open lock file '%s'", path);
		return -1;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		err = errno;
		if (err == EWOULDBLOCK)
			buf_setf(why, "another run holds '%s'", path);
		else
			(void)syserr_explain(
			    why, PROG_CANTCREATE, "cannot lock '%s'", path);
		(void)close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

void
lock_release(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}
