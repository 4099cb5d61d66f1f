/*
 * line_reader: see line_reader.h.
 */
#include "reaper/files/line_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/syserr.h"

/* A dead letter with the longest record, each byte escaped. */
enum { MAX_LINE = 8 << 20 };

int
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

enum exit_code
line_reader_explain_open(const char *path, struct buf *why)
{
	if (errno != EINVAL)
		return syserr_explain(why, PROG_IO, "cannot open '%s'", path);
	buf_setf(why, "'%s' is not a regular file", path);
	return PROG_IO;
}

void
line_reader_init(struct line_reader *r, int fd, const char *path)
{
	*r = (struct line_reader){ .path = path, .code = PROG_OK };
	lines_init(&r->lines, fd, MAX_LINE);
}

void
line_reader_release(struct line_reader *r)
{
	lines_release(&r->lines);
}

static enum exit_code
explain_long_line(const struct line_reader *r, struct buf *why)
{
	buf_setf(why, "'%s' has a line above %d MiB: is it a file of records?",
	    r->path, MAX_LINE >> 20);
	return PROG_DATA;
}

bool
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
		buf_setf(why, "asked to stop while reading '%s'", r->path);
		r->code = PROG_TEMPFAIL;
		return false;
	case LINE_ERROR:
		break;
	}
	r->code = syserr_explain(why, PROG_IO, "cannot read '%s'", r->path);
	return false;
}
