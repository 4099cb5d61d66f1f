/*
 * file: see file.h.
 */
#define _DEFAULT_SOURCE /* flock */

#include "common/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/stop.h"

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
		/* A full buffer is fine if the file ends there. */
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

/* Returns the descriptor if it is a regular file; otherwise closes it and sets
 * errno to its type. */
static int
only_regular(int fd)
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
	/* O_NONBLOCK: opening a pipe must not wait for its other end. */
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode);

	return fd < 0 ? -1 : only_regular(fd);
}

int
file_read_path(const char *path, struct buf *b)
{
	int fd = file_open(path, O_RDONLY, 0), rc, err;

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

/* How often a wait for a lock looks again. */
#define PAUSE_MS 50

/* how: LOCK_EX or LOCK_SH. Returns 0, or -1 with errno; EWOULDBLOCK if another
 * process still holds the lock. */
static int
lock_until(int fd, int how, int64_t end_ms)
{
	while (flock(fd, how | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK)
			return -1;
		if (clock_mono_ms() >= end_ms || stop_sleep(PAUSE_MS)) {
			errno = EWOULDBLOCK;
			return -1;
		}
	}
	return 0;
}

static int
open_locked(const char *path, int flags, int how, int64_t wait_ms)
{
	int64_t end = clock_mono_ms() + wait_ms;
	int fd, err;

	for (;;) {
		fd = file_open(path, flags, 0600);
		if (fd < 0)
			return -1;
		if (lock_until(fd, how, end) != 0)
			break;
		if (file_is_at(fd, path, (flags & O_NOFOLLOW) == 0) == 0)
			return fd;
		/* It was renamed or replaced before we locked it. */
		(void)close(fd);
	}
	err = errno;
	(void)close(fd);
	errno = err;
	return -1;
}

int
file_open_locked(const char *path, int flags, int64_t wait_ms)
{
	return open_locked(path, flags, LOCK_EX, wait_ms);
}

int
file_open_lock_shared(const char *path, int flags, int64_t wait_ms)
{
	return open_locked(path, flags, LOCK_SH, wait_ms);
}

/* Returns the folder of path, owned. */
static char *
dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return slash == path ? xstrdup("/")
			     : xstrndup(path, (size_t)(slash - path));
}

bool
file_is_same(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 &&
	       (S_ISREG(x.st_mode) || S_ISDIR(x.st_mode)) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
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

/* Finds the owner of the file, or of the folder above it that hides it. */
static int
find_owner(const char *path, uid_t *owner)
{
	struct stat st;
	char *dir = NULL, *above;
	int rc = stat(path, &st);

	while (rc != 0 && errno == EACCES &&
	       (dir == NULL || strchr(dir, '/') != NULL) &&
	       (dir == NULL || strcmp(dir, "/") != 0)) {
		above = dir_of(dir != NULL ? dir : path);
		free(dir);
		dir = above;
		rc = stat(dir, &st);
	}
	free(dir);
	*owner = st.st_uid;
	return rc;
}

void
file_add_cause(struct buf *to, int err, const char *path)
{
	struct passwd entry, *found = NULL;
	struct buf way = BUF_INIT;
	char texts[1024];
	uid_t owner;

	if (err == EACCES && find_owner(path, &owner) == 0 &&
	    owner != geteuid() &&
	    getpwuid_r(owner, &entry, texts, sizeof texts, &found) == 0 &&
	    found != NULL)
		buf_addf(&way, "run this as its owner: sudo -u %s ...",
		    found->pw_name);
	buf_addf(to, ": %s; %s", log_errno(err),
	    way.len > 0 ? buf_str(&way) : syserr_way_out(err));
	buf_release(&way);
}

/* Gives a new file the group and the permissions of the file at path, if there
 * is one; permissions outside mode are not kept. If the group cannot be set,
 * the group bits would apply to another group, which therefore gets no more
 * than all users. */
static int
keep_permissions(int fd, const char *path, mode_t mode)
{
	struct stat old;

	if (stat(path, &old) != 0 || !S_ISREG(old.st_mode))
		return 0;
	mode &= old.st_mode;
	if (fchown(fd, (uid_t)-1, old.st_gid) != 0) {
		log_warn("'%s' does not keep its group, because this user is "
			 "not in group %u; add the user to it",
		    path, (unsigned)old.st_gid);
		mode &= ~(mode_t)S_IRWXG | (mode & S_IRWXO) << 3;
	}
	return fchmod(fd, mode);
}

enum exit_code
file_replace(const char *path, mode_t mode, const void *data, size_t len,
    struct buf *why)
{
	char *new = xasprintf("%s" FILE_NEW, path);
	const char *failed = NULL;
	enum exit_code code = PROG_OK;
	int fd, err;

	(void)unlink(new);
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd >= 0 && keep_permissions(fd, path, mode) != 0) {
		err = errno;
		(void)close(fd);
		errno = err;
		fd = -1;
	}
	if (fd < 0 || file_write_and_close(fd, data, len) != 0)
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

/* The file stays after the release: if it were unlinked, two processes could
 * lock two files with the same name. */
int
lock_take(const char *path, struct buf *why)
{
	int fd = file_open_locked(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0);

	if (fd < 0 && errno == EWOULDBLOCK)
		buf_setf(why, "'%s' is locked by another run", path);
	else if (fd < 0)
		(void)syserr_explain(
		    why, PROG_CANTCREATE, "cannot open lock file '%s'", path);
	return fd;
}

void
lock_release(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

#define PACKAGE_STATE "/var/lib/messaging-analytics"

/* Returns the value of an environment variable that names a folder, or NULL.
 * Relative paths are ignored, as the XDG specification requires. */
static const char *
folder_of_env(const char *name)
{
	const char *path = getenv(name);

	return path != NULL && *path == '/' ? path : NULL;
}

static bool
is_own_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

/* NULL if the environment names no folder. */
static char *
choose_folder(const char *program)
{
	const char *xdg = folder_of_env("XDG_STATE_HOME");
	const char *home = folder_of_env("HOME");

	if (xdg != NULL)
		return xasprintf("%s/messaging-analytics/%s", xdg, program);
	if (is_own_folder(PACKAGE_STATE))
		return xasprintf(PACKAGE_STATE "/%s", program);
	if (home != NULL)
		return xasprintf(
		    "%s/.local/state/messaging-analytics/%s", home, program);
	return NULL;
}

/* Does mkdir -p. Returns 0, or -1 with errno. */
static int
make_folders(char *path)
{
	char *slash = path;
	int rc = 0;

	while (rc == 0 && slash != NULL) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			rc = -1;
		if (slash != NULL)
			*slash = '/';
	}
	return rc;
}

char *
state_folder(const char *program, struct buf *why)
{
	char *path = choose_folder(program);

	if (path == NULL) {
		buf_setf(why, "neither XDG_STATE_HOME nor HOME is set");
		return NULL;
	}
	if (make_folders(path) == 0 && access(path, W_OK | X_OK) == 0)
		return path;
	(void)syserr_explain(
	    why, PROG_CANTCREATE, "cannot write to '%s'", path);
	free(path);
	return NULL;
}

/* Returns how many of the first `size` bytes follow the last newline, or -1. */
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

/* Removes the bytes after the last newline of the file; fd is open for writing
 * only. */
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

/* Syncs the folder of a new file. Returns true also for a folder that cannot be
 * synced, or not with our permissions. */
static bool
folder_is_safe(const char *path)
{
	return file_sync_folder_of(path) == 0 || errno == EACCES ||
	       errno == EINVAL;
}

int
append_file_open(struct append_file *f)
{
	struct stat st;
	size_t torn;
	int err;

	if (stat(f->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		f->fd = open(f->path, O_WRONLY | O_CLOEXEC | f->flags);
		/* O_NONBLOCK is only for the opening. */
		return f->fd >= 0 ? fcntl(f->fd, F_SETFL, 0) : -1;
	}
	f->fd = file_open_locked(
	    f->path, O_WRONLY | O_CREAT | O_APPEND | f->flags, f->lock_wait_ms);
	if (f->fd < 0)
		return -1;
	if (fstat(f->fd, &st) != 0 ||
	    truncate_tail(f->fd, f->path, st.st_size, &torn) != 0 ||
	    !folder_is_safe(f->path)) {
		err = errno;
		append_file_close(f);
		errno = err;
		return -1;
	}
	if (torn > 0)
		log_warn("'%s' ended with an unfinished line; its %zu bytes "
			 "were removed",
		    f->path, torn);
	return 0;
}

int
append_file_write(struct append_file *f, const struct buf *lines, bool sync)
{
	off_t end;
	int err;

	if (lines->len == 0)
		return 0;
	if (f->fd >= 0 &&
	    file_is_at(f->fd, f->path, (f->flags & O_NOFOLLOW) == 0) != 0)
		append_file_close(f);
	if (f->fd < 0 && append_file_open(f) != 0)
		return -1;
	end = lseek(f->fd, 0, SEEK_END);
	if (file_write_all(f->fd, lines->data, lines->len) == 0 &&
	    (!sync || fdatasync(f->fd) == 0))
		return 0;
	err = errno;
	/* An incomplete line would corrupt the next one, or stay if the file is
	 * rotated. If this fails, it is removed when the file is opened
	 * again. */
	if (end < 0 || ftruncate(f->fd, end) != 0)
		append_file_close(f);
	errno = err;
	return -1;
}

void
append_file_close(struct append_file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
}
