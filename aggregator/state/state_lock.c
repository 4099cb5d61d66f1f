/*
 * state_lock: makes and locks the folder of --state.
 */
#include "aggregator/state/state_lock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/lock.h"

int
state_lock_take(
    const char *dir, const char *lock, enum exit_code *code, struct buf *why)
{
	char *path = xasprintf("%s/%s", dir, lock);
	int fd = -1, err;

	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		fd = lock_take(path, why);
	err = errno;
	free(path);
	errno = err;
	if (fd >= 0)
		return fd;
	if (errno == EWOULDBLOCK) {
		*code = PROG_TEMPFAIL;
		buf_adds(
		    why, "; end it, or choose another folder with --state");
	} else {
		*code = syserr_explain(why, PROG_CANTCREATE,
		    "cannot use '%s', of --state, as a folder", dir);
	}
	return -1;
}
