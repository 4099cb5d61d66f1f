/*
 * archive: see archive.h.
 */
#include "reaper/files/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/stop.h"

enum {
	/* How long to wait for reaper --forget, which rewrites the file. */
	LOCK_WAIT_MS = 10000,
	LOCK_PAUSE_MS = 50,
};

struct archive {
	char *path;
	int fd;
};

static void
close_archive_file(struct archive *a)
{
	if (a->fd != -1)
		close(a->fd);
	a->fd = -1;
}

/* True if the file should be opened again: another process holds its lock, or
 * the file was moved before we locked it. */
static bool
opens_again(const struct archive *a, int64_t end_ms)
{
	if (a->fd != -1)
		return file_is_at(a->fd, a->path, false) != 0;
	return errno == EWOULDBLOCK && clock_mono_ms() < end_ms &&
	       !stop_sleep(LOCK_PAUSE_MS);
}

static int
check_archive_file(struct archive *a, struct buf *why, enum exit_code *code)
{
	struct stat st;

	if (fstat(a->fd, &st) == -1) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot access '%s'", a->path);
	} else if (!S_ISREG(st.st_mode)) {
		*code = PROG_CANTCREATE;
		buf_setf(why, "'%s' is not a regular file", a->path);
	} else {
		if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
			log_warn("other users can read '%s'; run chmod 600 on "
				 "it",
			    a->path);
		return 0;
	}
	close_archive_file(a);
	return -1;
}

static int
open_archive_file(struct archive *a, struct buf *why, enum exit_code *code)
{
	int64_t end_ms = clock_mono_ms() + LOCK_WAIT_MS;
	size_t torn;

	do {
		close_archive_file(a);
		a->fd = file_open_lines(
		    a->path, O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, &torn);
	} while (opens_again(a, end_ms));
	if (a->fd == -1) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot open '%s'", a->path);
		if (errno == EWOULDBLOCK)
			buf_setf(why,
			    "cannot lock '%s': another run is writing to it",
			    a->path);
		return -1;
	}
	if (torn > 0)
		log_warn(
		    "removed an unfinished line at the end of '%s'", a->path);
	return check_archive_file(a, why, code);
}

struct archive *
archive_open(const char *path, struct buf *why, enum exit_code *code)
{
	struct archive *a = xcalloc(1, sizeof *a);

	a->fd = -1;
	a->path = xstrdup(path);
	if (open_archive_file(a, why, code) == 0) {
		/* Turns exceeding the size limit into an error. */
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
	off_t end;

	if (lines->len == 0)
		return 0;
	if (file_is_at(a->fd, a->path, false) != 0 &&
	    open_archive_file(a, why, code) != 0)
		return -1;
	end = lseek(a->fd, 0, SEEK_END);
	if (end >= 0 && file_write_all(a->fd, lines->data, lines->len) == 0 &&
	    fdatasync(a->fd) == 0)
		return 0;
	*code = syserr_explain(why, PROG_CANTCREATE,
	    "nothing was deleted, because '%s' cannot be written", a->path);
	/* An incomplete line would corrupt the next one. */
	if (end < 0 || ftruncate(a->fd, end) == -1)
		log_warn("cannot truncate '%s': %s; %s", a->path,
		    log_errno(errno), syserr_way_out(errno));
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
