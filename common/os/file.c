/*
 * file: see file.h.
 */
#define _DEFAULT_SOURCE /* flock */

#include "common/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/xalloc.h"

#define CHUNK ((size_t)64 * 1024)

static ssize_t
read_once(int fd, void *data, size_t len)
{
	ssize_t n;

	do
		n = read(fd, data, len);
	while (n < 0 && errno == EINTR);
	return n;
}

int
file_read_all(int fd, struct buf *b)
{
	size_t want;
	ssize_t n;
	char probe;

	for (;;) {
		want = CHUNK;
		if (b->max > 0 && b->max - b->len < want)
			want = b->max - b->len;
		/* A full buffer is fine if that was all. */
		n = want > 0 ? read_once(fd, buf_room(b, want), want)
			     : read_once(fd, &probe, 1);
		if (n <= 0)
			return (int)n;
		if (want == 0) {
			errno = EFBIG;
			return -1;
		}
		buf_grown(b, (size_t)n);
	}
}

int
file_read_at(int fd, void *data, size_t len, size_t at)
{
	char *p = data;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n, at += (size_t)n) {
		n = pread(fd, p, len, (off_t)at);
		if (n == 0)
			errno = ENODATA;
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return -1;
	}
	return 0;
}

int
file_only_regular(int fd)
{
	struct stat st;
	int err = 0;

	if (fstat(fd, &st) != 0)
		err = errno;
	else if (S_ISFIFO(st.st_mode))
		err = ESPIPE;
	else if (!S_ISREG(st.st_mode))
		err = S_ISDIR(st.st_mode) ? EISDIR : ENODEV;
	if (err == 0)
		return fd;
	(void)close(fd);
	errno = err;
	return -1;
}

int
file_open(const char *path, int flags, mode_t mode)
{
	/* O_NONBLOCK: opening a pipe does not wait for its other end. */
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode);

	return fd < 0 ? -1 : file_only_regular(fd);
}

int
file_read_path(const char *path, int flags, struct buf *b)
{
	int fd = file_open(path, O_RDONLY | flags, 0), rc, err;

	if (fd < 0)
		return -1;
	rc = file_read_all(fd, b);
	err = errno;
	(void)close(fd);
	errno = err;
	return rc;
}

int
file_is_at(int fd, const char *path, bool follow)
{
	struct stat ours, there;

	if (fstat(fd, &ours) != 0 || fstatat(AT_FDCWD, path, &there,
					 follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		return 0;
	errno = ENOENT;
	return -1;
}

/* The folder of path, owned. */
static char *
dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return slash == path ? xstrdup("/")
			     : xstrndup(path, (size_t)(slash - path));
}

static const char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

bool
file_is_same(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 &&
	       (S_ISREG(x.st_mode) || S_ISDIR(x.st_mode)) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool
file_is_same_new(const char *a, const char *b)
{
	char *x = dir_of(a), *y = dir_of(b);
	bool same = access(a, F_OK) != 0 && access(b, F_OK) != 0 &&
		    strcmp(base_of(a), base_of(b)) == 0 && file_is_same(x, y);

	free(x);
	free(y);
	return same;
}

int
file_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* How many of the first `size` bytes follow the last newline; -1. */
static off_t
tail_of(int fd, off_t size)
{
	char block[4096];
	off_t at = size;
	ssize_t n, i;

	while (at > 0) {
		n = at < (off_t)sizeof block ? (ssize_t)at
					     : (ssize_t)sizeof block;
		at -= n;
		if (pread(fd, block, (size_t)n, at) != n)
			return -1;
		for (i = n; i > 0; i--)
			if (block[i - 1] == '\n')
				return size - at - i;
	}
	return size;
}

/* Removes the bytes behind the last newline of the file, which fd can only
 * write. */
static int
truncate_tail(int fd, const char *path, off_t size, size_t *torn)
{
	int in = open(path, O_RDONLY | O_CLOEXEC);
	off_t tail = in >= 0 ? tail_of(in, size) : -1;

	if (in >= 0)
		(void)close(in);
	if (tail < 0)
		return -1;
	*torn = (size_t)tail;
	return tail > 0 ? ftruncate(fd, size - tail) : 0;
}

/* Some folders cannot be synced, or not by us. */
static bool
is_found_again(const char *path)
{
	return file_sync_folder_of(path) == 0 || errno == EACCES ||
	       errno == EINVAL;
}

int
file_open_lines(const char *path, int flags, size_t *torn)
{
	int fd =
	    open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0600);
	struct stat st;
	int err;

	*torn = 0;
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 &&
	    (!S_ISREG(st.st_mode) ||
		(flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
		    truncate_tail(fd, path, st.st_size, torn) == 0 &&
		    is_found_again(path))))
		return fd;
	err = errno;
	(void)close(fd);
	errno = err;
	return -1;
}

int
file_readable(const char *path)
{
	int fd = file_open(path, O_RDONLY, 0);

	return fd < 0 ? -1 : close(fd);
}

int
file_sync_folder_of(const char *path)
{
	char *dir = dir_of(path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	free(dir);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	(void)close(fd);
	return rc;
}

int
file_write_and_close(int fd, const void *data, size_t len)
{
	int rc = file_write_all(fd, data, len), err;

	if (rc == 0)
		rc = fsync(fd);
	err = errno;
	if (close(fd) != 0 && rc == 0)
		return -1;
	errno = err;
	return rc;
}

int
file_rename(const char *from, const char *to)
{
	return rename(from, to) == 0 ? file_sync_folder_of(to) : -1;
}
