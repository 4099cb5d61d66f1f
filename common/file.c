/*
 * file: see file.h.
 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/xalloc.h"

#define CHUNK ((size_t)64 * 1024)

static ssize_t
read_some(int fd, void *data, size_t len)
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
		n = want > 0 ? read_some(fd, buf_room(b, want), want)
			     : read_some(fd, &probe, 1);
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

int
file_sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? xstrdup(".")
				  : xstrndup(path, (size_t)(slash - path));
	int fd, rc;

	fd = open(*dir != '\0' ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	(void)close(fd);
	return rc;
}
