/*
 * line_file: see line_file.h.
 */
#define _DEFAULT_SOURCE /* flock */
#include "reaper/rights/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/lines.h"
#include "common/os/stop.h"

enum {
	WRITE_AT_ONCE = 1 << 20,
	/* How long to wait until another run has appended to the file. */
	LOCK_WAIT_MS = 10000,
	LOCK_PAUSE_MS = 50,
};

/* A dead letter with a record of maximum length, each byte escaped. */
enum { MAX_LINE = 8 << 20 };

/* The lines of a regular file, one by one. */
struct line_reader {
	char *line; /* without newline; 64 bytes after it are readable */
	size_t len;
	bool unended;        /* the file ends in it, without a newline */
	enum exit_code code; /* after the last line: PROG_OK, or the error's
			      * code */
	const char *path;
	struct lines lines;
};

/* Opens a regular file; refuses a symbolic link. Returns -1 with errno; EINVAL
 * if it is not a regular file. */
static int
line_reader_open(const char *path)
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
line_reader_explain_open(const char *path, struct buf *why)
{
	if (errno != EINVAL)
		return syserr_explain(why, PROG_IO, "cannot open '%s'", path);
	buf_setf(why, "'%s' is not a regular file", path);
	return PROG_IO;
}

static void
line_reader_init(struct line_reader *r, int fd, const char *path)
{
	*r = (struct line_reader){ .path = path, .code = PROG_OK };
	lines_init(&r->lines, fd, MAX_LINE);
}

static void
line_reader_release(struct line_reader *r)
{
	lines_release(&r->lines);
}

static enum exit_code
explain_long_line(const struct line_reader *r, struct buf *why)
{
	buf_setf(why,
	    "'%s' has a line longer than %d MiB; does it contain records?",
	    r->path, MAX_LINE >> 20);
	return PROG_DATA;
}

/* Returns false at the end, and after an error with *why. */
static bool
line_reader_next(struct line_reader *r, struct buf *why)
{
	switch (lines_next(&r->lines, &r->line, &r->len, -1)) {
	case LINE_OK:
		return true;
	case LINE_CUT:
		r->unended = true;
		if (r->lines.headless)
			r->code = explain_long_line(r, why);
		return !r->lines.headless;
	case LINE_TOOLONG:
		r->code = explain_long_line(r, why);
		return false;
	case LINE_END:
		return false;
	case LINE_WAIT:
		buf_setf(
		    why, "stopped by a signal while reading '%s'", r->path);
		r->code = PROG_TEMPFAIL;
		return false;
	case LINE_ERROR:
		break;
	}
	r->code = syserr_explain(why, PROG_IO, "cannot read '%s'", r->path);
	return false;
}

static enum exit_code
explain_line_file(const char *what, const char *path, struct buf *why)
{
	return syserr_explain(why, PROG_IO, "cannot %s '%s'", what, path);
}

enum exit_code
line_file_read(const char *path, line_file_fn *see, void *ctx, struct buf *why)
{
	int fd = line_reader_open(path);
	struct buf instead = BUF_INIT;
	struct line_reader r;

	if (fd < 0)
		return errno == ENOENT ? PROG_OK
				       : line_reader_explain_open(path, why);
	line_reader_init(&r, fd, path);
	while (line_reader_next(&r, why)) {
		buf_clear(&instead);
		(void)see(ctx, r.line, r.len, &instead);
	}
	buf_release(&instead);
	line_reader_release(&r);
	(void)close(fd);
	return r.code;
}

/* A file whose lines are being changed. */
struct change {
	const char *path;
	char *name;      /* of the new file */
	int from;        /* locked */
	int to;          /* the new file, or -1 */
	struct buf kept; /* to be written to the new file */
	off_t size;      /* of what was read */
};

/* Locks an open file against other writers (flock), and waits for them. Returns
 * -1 with errno; EWOULDBLOCK if they still hold it. */
static int
lock_file(int fd)
{
	int64_t end = clock_mono_ms() + LOCK_WAIT_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (clock_mono_ms() >= end || stop_sleep(LOCK_PAUSE_MS)) {
			errno = EWOULDBLOCK;
			return -1;
		}
	}
	return 0;
}

/* Opens and locks the file with that name: another run may have replaced it
 * while we waited for its lock. Returns -1 with errno. */
static int
open_locked(const char *path)
{
	int fd, err;

	do {
		fd = line_reader_open(path);
		if (fd < 0)
			return -1;
		if (lock_file(fd) == 0) {
			if (file_is_at(fd, path, false) == 0)
				return fd;
			errno = 0;
		}
		err = errno;
		(void)close(fd);
		errno = err;
	} while (err == 0);
	return -1;
}

static enum exit_code
explain_lock(const char *path, struct buf *why)
{
	if (errno != EWOULDBLOCK)
		return line_reader_explain_open(path, why);
	buf_setf(why,
	    "cannot lock '%s': another program is writing to it; stop that "
	    "program, or try again",
	    path);
	return PROG_TEMPFAIL;
}

/* If the last line has no newline, none is added. */
static void
keep_line(struct change *c, const struct line_reader *r)
{
	buf_add(&c->kept, r->line, r->len);
	if (!r->unended)
		buf_addc(&c->kept, '\n');
}

static enum exit_code
write_kept(struct change *c, size_t from, struct buf *why)
{
	if (c->kept.len < from)
		return PROG_OK;
	if (file_write_all(c->to, buf_str(&c->kept), c->kept.len) != 0)
		return explain_line_file("write", c->name, why);
	buf_clear(&c->kept);
	return PROG_OK;
}

/* Creates the new file, locked from the start, so that no process appends to it
 * before it is complete; if run by root, it belongs to the owner of the old
 * one. */
static int
make_new_file(int from, const char *name)
{
	struct stat st;
	int fd =
	    open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
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

/* If a process appends without the lock, its lines are not examined, or the
 * replacement loses them. */
static enum exit_code
check_size(const struct change *c, struct buf *why)
{
	struct stat st;

	if (fstat(c->from, &st) == 0 && st.st_size == c->size)
		return PROG_OK;
	buf_setf(why,
	    "'%s' was changed during the run; stop the program that writes to "
	    "it, or try again",
	    c->path);
	return PROG_TEMPFAIL;
}

static enum exit_code
copy_lines(struct change *c, line_file_fn *change, void *ctx, struct buf *why)
{
	struct buf instead = BUF_INIT;
	struct line_reader r;

	line_reader_init(&r, c->from, c->path);
	while (r.code == PROG_OK && line_reader_next(&r, why)) {
		buf_clear(&instead);
		if (!change(ctx, r.line, r.len, &instead))
			keep_line(c, &r);
		else if (instead.len > 0)
			buf_add(&c->kept, instead.data, instead.len);
		r.code = write_kept(c, WRITE_AT_ONCE, why);
	}
	buf_release(&instead);
	line_reader_release(&r);
	c->size = lseek(c->from, 0, SEEK_CUR);
	return r.code;
}

static enum exit_code
exchange_file(struct change *c, struct buf *why)
{
	enum exit_code code = write_kept(c, 1, why);

	if (code == PROG_OK && fsync(c->to) != 0)
		code = explain_line_file("write", c->name, why);
	if (code == PROG_OK)
		code = check_size(c, why);
	FAULT_POINT("reaper.file_copied");
	if (code == PROG_OK && file_rename(c->name, c->path) != 0)
		code = explain_line_file("exchange", c->path, why);
	FAULT_POINT("reaper.file_exchanged");
	return code;
}

enum exit_code
line_file_change(
    const char *path, line_file_fn *change, void *ctx, struct buf *why)
{
	struct change c = { .path = path, .from = open_locked(path), .to = -1 };
	enum exit_code code;

	if (c.from < 0)
		return errno == ENOENT ? PROG_OK : explain_lock(path, why);
	c.name = xasprintf("%s.forget", path);
	/* Left behind by a killed run; its lines may have to be removed now. */
	(void)unlink(c.name);
	c.to = make_new_file(c.from, c.name);
	code = c.to < 0 ? explain_line_file("make", c.name, why)
			: copy_lines(&c, change, ctx, why);
	if (code == PROG_OK)
		code = exchange_file(&c, why);
	if (code != PROG_OK)
		(void)unlink(c.name);
	if (c.to >= 0)
		(void)close(c.to);
	(void)close(c.from);
	free(c.name);
	buf_release(&c.kept);
	return code;
}
