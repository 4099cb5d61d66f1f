/*
 * archive: see archive.h.
 */
#include "reaper/files/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "reaper/files/line_file.h"

struct archive {
	char *path;
	int fd;
	off_t size; /* bytes, all of them whole lines */
};

/* Sets *end to the offset behind the last newline. */
static int
find_last_line(
    const struct archive *a, off_t *end, struct buf *why, enum exit_code *code)
{
	char chunk[4096];
	off_t from;
	ssize_t got = 0;

	for (*end = a->size; *end > 0 && got == 0; *end = from + got) {
		from =
		    *end > (off_t)sizeof chunk ? *end - (off_t)sizeof chunk : 0;
		got = pread(a->fd, chunk, (size_t)(*end - from), from);
		if (got <= 0) {
			if (got == 0)
				errno = EIO;
			*code = syserr_explain(
			    why, PROG_CANTCREATE, "cannot read '%s'", a->path);
			return -1;
		}
		while (got > 0 && chunk[got - 1] != '\n')
			got--;
	}
	return 0;
}

/* Sets *is if what is behind end is the beginning of a row record. */
static int
is_cut_row(const struct archive *a, off_t end, bool *is)
{
	static const char begin[] = "{\"type\":\"row\"";
	char head[sizeof begin] = "";
	size_t want = (size_t)(a->size - end);

	if (want > sizeof begin - 1)
		want = sizeof begin - 1;
	if (file_read_at(a->fd, head, want, (size_t)end) == -1)
		return -1;
	*is = memcmp(head, begin, want) == 0;
	return 0;
}

/* Sets *is if there are only NUL bytes behind end: a file system may do that at
 * a power cut, to a file that was longer already, but not written. */
static int
is_unwritten(const struct archive *a, off_t end, bool *is)
{
	static const char zeros[4096];
	char chunk[sizeof zeros];
	size_t n;

	*is = true;
	for (; *is && end < a->size; end += (off_t)n) {
		n = (size_t)(a->size - end);
		if (n > sizeof chunk)
			n = sizeof chunk;
		if (file_read_at(a->fd, chunk, n, (size_t)end) == -1)
			return -1;
		*is = memcmp(chunk, zeros, n) == 0;
	}
	return 0;
}

/* Truncates the file behind its last newline. Only the beginning of a row
 * record, or what was never written, is cut off: any other file is not an
 * archive. */
static int
drop_cut_line(struct archive *a, struct buf *why, enum exit_code *code)
{
	bool row = false, unwritten = false;
	off_t end;

	if (find_last_line(a, &end, why, code) != 0)
		return -1;
	if (end == a->size)
		return 0;
	if (is_cut_row(a, end, &row) == -1 ||
	    is_unwritten(a, end, &unwritten) == -1) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot read '%s'", a->path);
		return -1;
	}
	if (!row && !unwritten) {
		buf_setf(why,
		    "'%s' does not look like an archive: its last line has no "
		    "newline; choose another file",
		    a->path);
		return -1;
	}
	if (ftruncate(a->fd, end) == -1) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot cut '%s'", a->path);
		return -1;
	}
	log_warn("removed an unfinished line at the end of '%s'", a->path);
	a->size = end;
	return 0;
}

static int
examine_archive(struct archive *a, struct buf *why, enum exit_code *code)
{
	struct stat st;

	if (fstat(a->fd, &st) == -1) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot look at '%s'", a->path);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		buf_setf(why, "'%s' is not a regular file", a->path);
		return -1;
	}
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		log_warn(
		    "other users can read '%s'; run chmod 600 on it", a->path);
	if (line_file_lock(a->fd) == -1) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot lock '%s'", a->path);
		if (errno == EWOULDBLOCK)
			buf_setf(why,
			    "cannot lock '%s': another run writes to it",
			    a->path);
		return -1;
	}
	/* Under the lock the size does not change any more. */
	if (fstat(a->fd, &st) == -1) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot look at '%s'", a->path);
		return -1;
	}
	a->size = st.st_size;
	return a->size > 0 ? drop_cut_line(a, why, code) : 0;
}

static void
close_archive_file(struct archive *a)
{
	if (a->fd != -1)
		close(a->fd);
	a->fd = -1;
}

static int
open_archive_name(struct archive *a, struct buf *why, enum exit_code *code)
{
	*code = PROG_CANTCREATE;
	a->fd = open(a->path,
	    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY |
		O_NONBLOCK,
	    S_IRUSR | S_IWUSR);
	if (a->fd != -1)
		return 0;
	*code =
	    syserr_explain(why, PROG_CANTCREATE, "cannot open '%s'", a->path);
	return -1;
}

/* Opens, locks and examines the file that has the name: while its lock was
 * waited for, logrotate or reaper --forget may have moved it away. */
static int
open_archive_file(struct archive *a, struct buf *why, enum exit_code *code)
{
	do {
		close_archive_file(a);
		if (open_archive_name(a, why, code) != 0)
			return -1;
		if (examine_archive(a, why, code) != 0)
			goto fail;
	} while (file_is_at(a->fd, a->path, false) != 0);
	if (a->size > 0 || file_sync_folder_of(a->path) == 0)
		return 0;
	*code = syserr_explain(
	    why, PROG_CANTCREATE, "cannot sync the folder of '%s'", a->path);
fail:
	close_archive_file(a);
	return -1;
}

struct archive *
archive_open(const char *path, struct buf *why, enum exit_code *code)
{
	struct archive *a = xcalloc(1, sizeof *a);

	a->fd = -1;
	a->path = xstrdup(path);
	if (open_archive_file(a, why, code) == 0) {
		/* Exceeding the size limit becomes an error. */
		signal(SIGXFSZ, SIG_IGN);
		return a;
	}
	archive_close(a);
	return NULL;
}

int
archive_write(struct archive *a, const struct buf *lines, struct buf *why,
    enum exit_code *code)
{
	if (lines->len == 0)
		return 0;
	if (file_is_at(a->fd, a->path, false) != 0 &&
	    open_archive_file(a, why, code) != 0)
		return -1;
	if (file_write_all(a->fd, lines->data, lines->len) == 0 &&
	    fdatasync(a->fd) == 0) {
		a->size += (off_t)lines->len;
		return 0;
	}
	*code = syserr_explain(why, PROG_CANTCREATE,
	    "nothing was deleted, because '%s' cannot be written", a->path);
	/* Half a line would spoil the next one. */
	if (ftruncate(a->fd, a->size) == -1)
		log_warn("cannot cut '%s': %s; %s", a->path, log_errno(errno),
		    syserr_way_out(errno));
	return -1;
}

void
archive_close(struct archive *a)
{
	if (a == NULL)
		return;
	close_archive_file(a);
	free(a->path);
	free(a);
}
