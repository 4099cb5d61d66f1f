/*
 * append_file: see append_file.h.
 */
#include "common/os/append_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/os/file.h"
#include "common/os/stop.h"

/* How often a wait for the lock looks again. */
#define PAUSE_MS 50

/* True if another process has not moved the file. */
static bool
is_in_place(const struct append_file *f)
{
	return file_is_at(f->fd, f->path, (f->flags & O_NOFOLLOW) == 0) == 0;
}

int
append_file_open(struct append_file *f)
{
	int64_t end = clock_mono_ms() + f->lock_wait_ms;
	size_t torn;

	for (;;) {
		f->fd = file_open_lines(f->path, f->flags, &torn);
		if (f->fd >= 0 && is_in_place(f))
			break;
		if (f->fd >= 0) {
			/* It was moved before we locked it. */
			append_file_close(f);
		} else if (errno != EWOULDBLOCK || clock_mono_ms() >= end) {
			return -1;
		} else if (stop_sleep(PAUSE_MS)) {
			errno = EWOULDBLOCK;
			return -1;
		}
	}
	if (torn > 0)
		log_warn(
		    "removed an unfinished line at the end of '%s'", f->path);
	return 0;
}

int
append_file_write(struct append_file *f, const struct buf *lines, bool sync)
{
	off_t end;
	int err;

	if (lines->len == 0)
		return 0;
	if (f->fd >= 0 && !is_in_place(f))
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
