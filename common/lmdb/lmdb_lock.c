/*
 * lmdb_lock: see lmdb_lock.h.
 */
#define _DEFAULT_SOURCE /* flock */

#include "common/lmdb/lmdb_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/os/file.h"

enum {
	/* Size of LMDB's lock file, with its table of readers. */
	LOCK_BYTES = 65536,
	/* How long another process needs to remove or replace a file. */
	REPLACE_MS = 5000,
};

int
lmdb_lock_open(const char *path)
{
	char *name = xasprintf("%s-lock", path);
	int fd = file_open_lock_shared(
	    name, O_RDWR | O_CREAT | O_NOFOLLOW, REPLACE_MS);
	struct stat st;
	int err = 0;

	free(name);
	if (fd < 0) {
		if (errno == EWOULDBLOCK)
			errno = EBUSY;
		return -1;
	}
	if (fstat(fd, &st) != 0)
		err = errno;
	else if (st.st_size < LOCK_BYTES)
		err = posix_fallocate(fd, 0, LOCK_BYTES);
	if (err == 0)
		return fd;
	(void)close(fd);
	errno = err;
	return -1;
}

bool
lmdb_lock_alone(int lock)
{
	return flock(lock, LOCK_EX | LOCK_NB) == 0;
}

/* The lock file is removed last: if the process is killed before, the next one
 * that opens the file is alone, and LMDB then initializes its lock file. */
static int
remove_both(const char *path, const char *lock)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return -1;
	if (unlink(lock) != 0 && errno != ENOENT)
		return -1;
	return file_sync_folder_of(path);
}

int
lmdb_remove(const char *path, int64_t wait_ms)
{
	char *lock = xasprintf("%s-lock", path);
	int fd = file_open_locked(lock, O_RDWR | O_CREAT | O_NOFOLLOW, wait_ms);
	int rc = fd < 0 ? -1 : remove_both(path, lock), err = errno;

	if (fd >= 0)
		(void)close(fd);
	free(lock);
	errno = err;
	return rc;
}
