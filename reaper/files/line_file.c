/*
 * line_file: see line_file.h.
 */
#define _DEFAULT_SOURCE /* flock */
#include "reaper/files/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/lines.h"
#include "common/os/stop.h"

enum {
	/* A dead letter with the longest record, each byte escaped. */
	MAX_LINE = 8 << 20,
	WRITE_AT_ONCE = 1 << 20,
	/* How long to wait for a run that appends to the file. */
	LOCK_WAIT_MS = 10000,
	LOCK_PAUSE_MS = 50,
};

static enum exit_code
explain_line_file(const char *what, const char *path, struct buf *why)
{
	return syserr_explain(why, PROG_IO, "cannot %s '%s'", what, path);
}

/* Opens a regular file; EINVAL: it is something else. */
static int
open_line_file(const char *path)
{
	int fd = open(
	    path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		(void)close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static enum exit_code
explain_open(const char *path, struct buf *why)
{
	if (errno != EINVAL)
		return explain_line_file("open", path, why);
	buf_setf(why, "'%s' is not a regular file", path);
	return PROG_IO;
}

/* The next whole line; false at the end, and *code says whether it is one. */
static bool
next_whole_line(struct lines *l, const char *path, char **line, size_t *len,
    enum exit_code *code, struct buf *why)
{
	*code = PROG_OK;
	switch (lines_next(l, line, len, -1)) {
	case LINE_OK:
		return true;
	case LINE_END:
	case LINE_CUT:
		return false;
	case LINE_TOOLONG:
		buf_setf(why,
		    "'%s' has a line above %d MiB: is it a file of "
		    "records?",
		    path, MAX_LINE >> 20);
		*code = PROG_DATA;
		return false;
	case LINE_WAIT:
		buf_setf(why, "asked to stop while reading '%s'", path);
		*code = PROG_TEMPFAIL;
		return false;
	case LINE_ERROR:
		break;
	}
	*code = explain_line_file("read", path, why);
	return false;
}

enum exit_code
line_file_read(const char *path, line_file_fn *see, void *ctx, struct buf *why)
{
	int fd = open_line_file(path);
	enum exit_code code;
	struct lines l;
	char *line;
	size_t len;

	if (fd < 0)
		return errno == ENOENT ? PROG_OK : explain_open(path, why);
	lines_init(&l, fd, MAX_LINE);
	while (next_whole_line(&l, path, &line, &len, &code, why))
		(void)see(ctx, line, len);
	lines_release(&l);
	(void)close(fd);
	return code;
}

/* Opens and locks the file. -1 with errno, EWOULDBLOCK: others have it. */
static int
open_locked(const char *path)
{
	int64_t end = clock_mono_ms() + LOCK_WAIT_MS;
	int fd;

	for (;;) {
		fd = open_line_file(path);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    file_is_at(fd, path, false) == 0)
			return fd;
		(void)close(fd);
		if (clock_mono_ms() >= end || stop_sleep(LOCK_PAUSE_MS)) {
			errno = EWOULDBLOCK;
			return -1;
		}
	}
}

/* Writes what is kept to `to`; *removed: a line was not. */
static enum exit_code
copy_kept_lines(int from, int to, const char *path, line_file_fn *gone,
    void *ctx, bool *removed, struct buf *why)
{
	struct buf kept = BUF_INIT;
	enum exit_code code;
	struct lines l;
	off_t size = 0;
	struct stat st;
	char *line;
	size_t len;
	bool ok = true;

	*removed = false;
	lines_init(&l, from, MAX_LINE);
	while (ok && next_whole_line(&l, path, &line, &len, &code, why)) {
		if (gone(ctx, line, len))
			continue;
		buf_add(&kept, line, len);
		buf_addc(&kept, '\n');
		size += (off_t)len + 1;
		if (kept.len >= WRITE_AT_ONCE) {
			ok = file_write_all(to, kept.data, kept.len) == 0;
			buf_clear(&kept);
		}
	}
	if (ok && code == PROG_OK)
		ok = file_write_all(to, buf_str(&kept), kept.len) == 0 &&
		     fsync(to) == 0 && fstat(from, &st) == 0;
	if (!ok)
		code = explain_line_file("write the rest of", path, why);
	*removed = ok && code == PROG_OK && st.st_size != size;
	lines_release(&l);
	buf_release(&kept);
	return code;
}

/* Makes the new file, locked from the beginning, so that nobody appends to it
 * before it is complete; by root, for the owner of the old one. What is there
 * is of a run that was killed. */
static int
make_new_file(int from, const char *name)
{
	struct stat st;
	int fd;

	(void)unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
	    S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -1;
	(void)flock(fd, LOCK_EX | LOCK_NB);
	if (fstat(from, &st) == 0 &&
	    (st.st_uid == geteuid() || fchown(fd, st.st_uid, st.st_gid) == 0))
		return fd;
	(void)close(fd);
	(void)unlink(name);
	return -1;
}

static enum exit_code
exchange_file(
    int from, const char *path, line_file_fn *gone, void *ctx, struct buf *why)
{
	char *name = xasprintf("%s.forget", path);
	int to = make_new_file(from, name);
	enum exit_code code;
	bool removed = false;

	if (to < 0)
		code = explain_line_file("make", name, why);
	else
		code =
		    copy_kept_lines(from, to, path, gone, ctx, &removed, why);
	if (removed && file_rename(name, path) != 0)
		code = explain_line_file("exchange", path, why);
	if (to >= 0 && (!removed || code != PROG_OK))
		(void)unlink(name);
	if (to >= 0)
		(void)close(to);
	free(name);
	return code;
}

enum exit_code
line_file_remove(
    const char *path, line_file_fn *gone, void *ctx, struct buf *why)
{
	int from = open_locked(path);
	enum exit_code code;

	if (from < 0 && errno == ENOENT)
		return PROG_OK;
	if (from < 0 && errno == EWOULDBLOCK) {
		buf_setf(why,
		    "cannot lock '%s': somebody writes to it; stop that "
		    "program, or try again",
		    path);
		return PROG_TEMPFAIL;
	}
	if (from < 0)
		return explain_open(path, why);
	code = exchange_file(from, path, gone, ctx, why);
	(void)close(from);
	return code;
}
