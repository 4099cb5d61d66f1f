/*
 * state_lock: makes and locks the folder of --state.
 */
#include "aggregator/state/state_lock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

int
state_lock_take(
    const char *dir, const char *lock, enum exit_code *code, struct buf *why)
{
	char *path = xasprintf("%s/%s", dir, lock);
	bool there = mkdir(dir, 0700) == 0 || errno == EEXIST;
	int fd = there ? lock_take(path, why) : -1, err;

	err = errno;
	free(path);
	errno = err;
	if (fd >= 0)
		return fd;
	if (errno == EWOULDBLOCK) {
		*code = PROG_TEMPFAIL;
		buf_adds(
		    why, "; end it, or choose another folder with --state");
	} else if (there && errno != ENOTDIR) {
		*code = syserr_code(errno, PROG_CANTCREATE);
	} else {
		*code = syserr_explain(why, PROG_CANTCREATE,
		    "cannot use '%s', of --state, as a folder", dir);
	}
	return -1;
}
