/*
 * lock: see lock.h. The file itself stays when the lock goes: to unlink it
 * would let two processes lock two files of one name.
 */
#define _DEFAULT_SOURCE /* flock */

#include "common/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/log.h"

int
lock_take(const char *path, struct buf *why)
{
	int fd, err;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err = errno;
		buf_setf(why,
		    "cannot open lock file '%s': %s; check the folder "
		    "and its rights",
		    path, log_errno(err));
		errno = err;
		return -1;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		err = errno;
		if (err == EWOULDBLOCK)
			buf_setf(why, "another run holds '%s'", path);
		else
			buf_setf(
			    why, "cannot lock '%s': %s", path, log_errno(err));
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
