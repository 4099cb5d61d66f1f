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

#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/lines.h"

enum {
	WRITE_AT_ONCE = 1 << 20,
	/* How long to wait until another run has appended to the file. */
	LOCK_WAIT_MS = 10000,
};

/* A dead letter with a record of maximum length, each byte escaped. */
enum { MAX_LINE = 8 << 20 };

/* Gets a line; ended: with a newline, as all but the last one are. */
typedef enum exit_code take_fn(
    void *ctx, const char *line, size_t len, bool ended);

static enum exit_code
log_line_file(const char *what, const char *path)
{
	return syserr_log(PROG_IO, "cannot %s '%s'", what, path);
}

/* Returns PROG_OK after the last line. */
static enum exit_code
check_end(enum line_status status, const char *path)
{
	switch (status) {
	case LINE_OK:
	case LINE_END:
		return PROG_OK;
	case LINE_CUT:
	case LINE_TOOLONG:
		log_error("'%s' has a line longer than %d MiB; does it contain "
			  "records?",
		    path, MAX_LINE >> 20);
		return PROG_DATA;
	case LINE_WAIT:
		log_error("stopped by a signal while reading '%s'", path);
		return PROG_TEMPFAIL;
	case LINE_ERROR:
		break;
	}
	return log_line_file("read", path);
}

/* Calls take() for each line, until it fails. */
static enum exit_code
take_lines(int fd, const char *path, take_fn *take, void *ctx)
{
	struct lines lines;
	enum exit_code code = PROG_OK;
	enum line_status status;
	char *line;
	size_t len;

	lines_init(&lines, fd, MAX_LINE);
	do {
		status = lines_next(&lines, &line, &len, -1);
		if (status == LINE_OK ||
		    (status == LINE_CUT && !lines.headless))
			code = take(ctx, line, len, status == LINE_OK);
		else
			code = check_end(status, path);
	} while (code == PROG_OK && status == LINE_OK);
	lines_release(&lines);
	return code;
}

struct reading {
	line_file_fn *see;
	void *ctx;
	struct buf instead; /* what see() would write */
};

static enum exit_code
see_line(void *ctx, const char *line, size_t len, bool ended)
{
	struct reading *r = ctx;

	(void)ended;
	buf_clear(&r->instead);
	(void)r->see(r->ctx, line, len, &r->instead);
	return PROG_OK;
}

enum exit_code
line_file_read(const char *path, line_file_fn *see, void *ctx)
{
	struct reading r = { .see = see, .ctx = ctx };
	int fd = file_open(path, O_RDONLY | O_NOFOLLOW, 0);
	enum exit_code code;

	if (fd < 0)
		return errno == ENOENT ? PROG_OK : log_line_file("open", path);
	code = take_lines(fd, path, see_line, &r);
	buf_release(&r.instead);
	(void)close(fd);
	return code;
}

/* A file whose lines are being changed. */
struct change {
	const char *path;
	line_file_fn *change;
	void *ctx;
	char *name;      /* of the new file */
	int from;        /* locked */
	int to;          /* the new file, or -1 */
	struct buf kept; /* to be written to the new file */
};

static enum exit_code
log_lock(const char *path)
{
	if (errno != EWOULDBLOCK)
		return log_line_file("open", path);
	log_error("cannot lock '%s': another program is writing to it; stop "
		  "that program, or try again",
	    path);
	return PROG_TEMPFAIL;
}

static enum exit_code
write_kept(struct change *c, size_t from)
{
	if (c->kept.len < from)
		return PROG_OK;
	if (file_write_all(c->to, buf_str(&c->kept), c->kept.len) != 0)
		return log_line_file("write", c->name);
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
check_size(const struct change *c)
{
	struct stat st;

	if (fstat(c->from, &st) == 0 &&
	    st.st_size == lseek(c->from, 0, SEEK_CUR))
		return PROG_OK;
	log_error("'%s' was changed during the run; stop the program that "
		  "writes to it, or try again",
	    c->path);
	return PROG_TEMPFAIL;
}

/* If the last line has no newline, none is added. */
static enum exit_code
copy_line(void *ctx, const char *line, size_t len, bool ended)
{
	struct change *c = ctx;
	size_t before = c->kept.len;

	if (!c->change(c->ctx, line, len, &c->kept)) {
		buf_cut(&c->kept, before);
		buf_add(&c->kept, line, len);
		if (ended)
			buf_addc(&c->kept, '\n');
	}
	return write_kept(c, WRITE_AT_ONCE);
}

static enum exit_code
exchange_file(struct change *c)
{
	enum exit_code code = write_kept(c, 1);

	if (code == PROG_OK && fsync(c->to) != 0)
		code = log_line_file("write", c->name);
	if (code == PROG_OK)
		code = check_size(c);
	FAULT_POINT("reaper.file_copied");
	if (code == PROG_OK && file_rename(c->name, c->path) != 0)
		code = log_line_file("exchange", c->path);
	FAULT_POINT("reaper.file_exchanged");
	return code;
}

enum exit_code
line_file_change(const char *path, line_file_fn *change, void *ctx)
{
	struct change c = { .path = path,
		.change = change,
		.ctx = ctx,
		.from =
		    file_open_locked(path, O_RDONLY | O_NOFOLLOW, LOCK_WAIT_MS),
		.to = -1 };
	enum exit_code code;

	if (c.from < 0)
		return errno == ENOENT ? PROG_OK : log_lock(path);
	c.name = xasprintf("%s.forget", path);
	/* Left behind by a killed run; its lines may have to be removed now. */
	(void)unlink(c.name);
	c.to = make_new_file(c.from, c.name);
	code = c.to < 0 ? log_line_file("make", c.name)
			: take_lines(c.from, path, copy_line, &c);
	if (code == PROG_OK)
		code = exchange_file(&c);
	if (code != PROG_OK)
		(void)unlink(c.name);
	if (c.to >= 0)
		(void)close(c.to);
	(void)close(c.from);
	free(c.name);
	buf_release(&c.kept);
	return code;
}
