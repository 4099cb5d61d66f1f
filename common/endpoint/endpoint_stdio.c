/*
 * endpoint_stdio: "-" and files. Reading uses lines.h. Writing is buffered, and
 * complete lines are written while the reader accepts them.
 *
 * A file is truncated, readable by its owner only (records are personal data),
 * and synced by each flush, so that DONE means safe. Daemons use options.append
 * and continue the file, because their input will not be delivered again.
 *
 * A pipe whose reader is gone (`| head`) is a normal end: NEVER with PROG_OK. A
 * pipe that is full when the program is asked to stop gets GRACE_MS.
 */
#define _GNU_SOURCE /* F_GETPIPE_SZ */

#include "common/endpoint/endpoint_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/lines.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "common/records/record.h"

#define WRITE_SIZE ((size_t)64 * 1024)
#define GRACE_MS 2000

struct stdio_endpoint {
	struct endpoint base;
	struct lines lines; /* reading */
	struct buf out;     /* writing: output that has not been written yet */
	bool broken;        /* permanently: why and code have the reason */
	bool is_file;
	int fd;
};

static struct stdio_endpoint *
stdio_of(struct endpoint *e)
{
	return (struct stdio_endpoint *)(void *)e;
}

/* Returns its name for messages. */
static const char *
title(const struct endpoint *e, const char *standard)
{
	return strcmp(e->name, "-") == 0 ? standard : e->name;
}

/* An earlier run may have been killed inside its last line, which no flush had
 * made safe: the line is removed. */
static int
open_to_append(const char *path)
{
	struct append_file file = { .path = path, .fd = -1 };

	return append_file_open(&file) == 0 ? file.fd : -1;
}

static int
open_to_write(
    const char *path, bool append, struct buf *why, enum exit_code *code)
{
	int fd =
	    append ? open_to_append(path)
		   : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 && append && errno == EWOULDBLOCK) {
		buf_setf(why,
		    "another process is writing to '%s'; stop it, or choose "
		    "another file",
		    path);
		*code = PROG_TEMPFAIL;
	} else if (fd < 0 && errno == EINTR && stop_asked()) {
		buf_setf(why, "no program reads '%s' yet", path);
		*code = PROG_OK;
	} else if (fd < 0) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot create '%s'", path);
	}
	return fd;
}

static int
open_to_read(const char *path, struct buf *why, enum exit_code *code)
{
	/* O_NONBLOCK: lines.h waits for the writer of a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		*code =
		    syserr_explain(why, PROG_NOINPUT, "cannot open '%s'", path);
	return fd;
}

static enum endpoint_status
endpoint_status_of(struct endpoint *e, enum line_status status)
{
	switch (status) {
	case LINE_OK:
		return ENDPOINT_RECORD;
	case LINE_END:
		return ENDPOINT_END;
	case LINE_CUT:
		return ENDPOINT_CUT;
	case LINE_TOOLONG:
		return ENDPOINT_TOOLONG;
	case LINE_WAIT:
		return ENDPOINT_WAIT;
	case LINE_ERROR:
		break;
	}
	e->code = syserr_explain(
	    &e->why, PROG_IO, "cannot read %s", title(e, "standard input"));
	return ENDPOINT_FAILED;
}

static enum endpoint_status
stdio_read(
    struct endpoint *e, bool blocks, char **part, size_t *len, int timeout_ms)
{
	struct lines *l = &stdio_of(e)->lines;

	return endpoint_status_of(
	    e, blocks ? lines_block(l, part, len, timeout_ms)
		      : lines_next(l, part, len, timeout_ms));
}

static void
stdio_where(const struct endpoint *e, uint64_t behind, struct buf *where)
{
	const struct stdio_endpoint *s =
	    (const struct stdio_endpoint *)(const void *)e;

	buf_addf(
	    where, "line %llu", (unsigned long long)(s->lines.number - behind));
}

static int
stdio_fail(struct stdio_endpoint *s, int err)
{
	struct endpoint *e = &s->base;
	const char *what = title(e, "standard output");

	s->broken = true;
	if (err == EPIPE) {
		buf_setf(&e->why, "the program that reads %s has ended", what);
		e->code = PROG_OK;
	} else {
		errno = err;
		e->code =
		    syserr_explain(&e->why, PROG_IO, "cannot write %s", what);
	}
	return -1;
}

/* Waits until a pipe accepts data, so that write(2) cannot block. A request to
 * stop ends the wait only if the pipe accepts nothing for GRACE_MS. */
static int
wait_writable(struct stdio_endpoint *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	int n;

	do {
		notify_alive();
		n = poll(&p, 1, GRACE_MS);
	} while ((n < 0 && errno == EINTR) || (n == 0 && !stop_asked()));
	if (n > 0)
		return 0;
	return stdio_fail(s, n == 0 ? EPIPE : errno);
}

/* Returns how many bytes can be written without blocking when the pipe accepts
 * data: PIPE_BUF, or its whole capacity if it is empty. */
static size_t
pipe_room(int fd)
{
	int size = fcntl(fd, F_GETPIPE_SZ), unread = 0;

	if (size > PIPE_BUF && ioctl(fd, FIONREAD, &unread) == 0 && unread == 0)
		return (size_t)size;
	return PIPE_BUF;
}

static int
write_out(struct stdio_endpoint *s)
{
	size_t done = 0, left, room;
	ssize_t n;

	while (done < s->out.len) {
		left = s->out.len - done;
		if (!s->is_file) {
			if (wait_writable(s) != 0)
				return -1;
			room = pipe_room(s->fd);
			if (left > room)
				left = room;
		}
		n = write(s->fd, s->out.data + done, left);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR && errno != EAGAIN)
			return stdio_fail(s, errno);
	}
	buf_clear(&s->out);
	return 0;
}

static int
stdio_write(struct endpoint *e, const char *line, size_t len)
{
	struct stdio_endpoint *s = stdio_of(e);

	if (s->broken)
		return -1;
	buf_add(&s->out, line, len);
	buf_addc(&s->out, '\n');
	return s->out.len < WRITE_SIZE ? 0 : write_out(s);
}

static enum outcome
stdio_flush(struct endpoint *e)
{
	struct stdio_endpoint *s = stdio_of(e);

	if (s->broken || write_out(s) != 0)
		return OUTCOME_NEVER;
	/* Commit point: everything written so far is on disk. */
	if (s->is_file && fsync(s->fd) != 0) {
		(void)stdio_fail(s, errno);
		return OUTCOME_NEVER;
	}
	return OUTCOME_DONE;
}

static void
stdio_close(struct endpoint *e)
{
	struct stdio_endpoint *s = stdio_of(e);

	if (s->fd > STDERR_FILENO)
		close(s->fd);
	lines_release(&s->lines);
	buf_release(&s->out);
	free(s);
}

static const struct endpoint_ops stdio_ops = {
	.read = stdio_read,
	.write = stdio_write,
	.flush = stdio_flush,
	.where = stdio_where,
	.close = stdio_close,
};

struct endpoint *
endpoint_stdio_open(const char *name, bool writing,
    const struct endpoint_options *opt, struct buf *why, enum exit_code *code)
{
	bool standard = strcmp(name, "-") == 0;
	struct stdio_endpoint *s;
	struct stat st;
	int fd;

	if (standard)
		fd = writing ? STDOUT_FILENO : STDIN_FILENO;
	else if (writing)
		fd = open_to_write(name, opt->append, why, code);
	else
		fd = open_to_read(name, why, code);
	if (fd < 0)
		return NULL;
	s = xcalloc(1, sizeof *s);
	s->base.ops = &stdio_ops;
	s->base.name = xstrdup(name);
	s->fd = fd;
	if (standard && !writing && isatty(fd))
		log_warn("reading records from this terminal, one per line; "
			 "end with ^D; -h shows other inputs");
	s->is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	lines_init(&s->lines, fd,
	    opt->max_line != 0 ? opt->max_line : RECORD_MAX_LINE);
	s->lines.uncounted = opt->uncounted;
	return &s->base;
}
