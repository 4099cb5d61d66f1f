/*
 * private_file: see private_file.h.
 */
#include "reaper/files/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/os/file.h"

/* Whether the name is free, or that of a file to be replaced; false with errno,
 * 0: of a pipe or device. */
static bool
is_replaceable(const char *path)
{
	struct stat st;

	errno = 0;
	if (lstat(path, &st) != 0)
		return errno == ENOENT;
	if (S_ISLNK(st.st_mode))
		errno = ELOOP;
	else if (S_ISDIR(st.st_mode))
		errno = EISDIR;
	return S_ISREG(st.st_mode);
}

char *
private_file_new_name(const char *path)
{
	return xasprintf("%s.new", path);
}

int
private_file_open(struct private_file *f, const char *path)
{
	*f = (struct private_file){ .path = path, .fd = -1 };
	if (strcmp(path, "-") == 0) {
		f->fd = STDOUT_FILENO;
	} else if (is_replaceable(path)) {
		f->new = private_file_new_name(path);
		(void)unlink(f->new);
		f->fd = open(f->new,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    S_IRUSR | S_IWUSR);
	} else if (errno == 0) {
		f->fd =
		    open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	}
	if (f->fd >= 0)
		return 0;
	free(f->new);
	return -1;
}

int
private_file_close(struct private_file *f, bool keep)
{
	int rc = 0, err;

	if (keep && f->new != NULL)
		rc = fsync(f->fd) == 0 ? file_rename(f->new, f->path) : -1;
	err = errno;
	if (f->new != NULL && (!keep || rc != 0))
		(void)unlink(f->new);
	if (f->fd != STDOUT_FILENO)
		(void)close(f->fd);
	free(f->new);
	errno = err;
	return rc;
}
