/*
 * dead_letter_files: see dead_letter_files.h.
 */
#include "poller/intake/dead_letter_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

enum {
	/* How long to wait for who has the file. */
	LOCK_WAIT_MS = 2000,
	LOCK_PAUSE_MS = 5,
};

#define DAY_LEN 10 /* of YYYY-MM-DD */
static const char ENDING[] = ".ndjson";

struct dead_letter_files {
	char *dir;
	int64_t keep_ms;
	char day[DAY_LEN + 1]; /* of the last file; "": there was none */
	int fd;                /* -1: none is open */
	bool unsafe;           /* lines were written and not synced */
	int64_t expired_day;   /* when old files were removed; 0: not yet */
};

struct dead_letter_files *
dead_letter_files_open(const char *dir, int64_t keep_ms)
{
	struct dead_letter_files *l = xcalloc(1, sizeof *l);

	l->dir = xstrdup(dir);
	l->keep_ms = keep_ms;
	l->fd = -1;
	return l;
}

void
dead_letter_files_close(struct dead_letter_files *l)
{
	if (l == NULL)
		return;
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->dir);
	free(l);
}

static int
dead_letters_failed(
    const struct dead_letter_files *l, const char *what, struct buf *why)
{
	(void)syserr_explain(why, PROG_CANTCREATE,
	    "cannot %s dead letters in '%s'", what, l->dir);
	return -1;
}

static void
utc_day(int64_t ms, char day[DAY_LEN + 1])
{
	char text[CLOCK_TEXT];

	clock_format(ms, text);
	memcpy(day, text, DAY_LEN);
	day[DAY_LEN] = '\0';
}

static bool
is_dead_letter_file(const char *name)
{
	return strlen(name) == DAY_LEN + sizeof ENDING - 1 &&
	       strspn(name, "0123456789-") == DAY_LEN &&
	       strcmp(name + DAY_LEN, ENDING) == 0;
}

/* Other files in the folder stay. */
static void
remove_expired_files(const struct dead_letter_files *l, int64_t now_ms)
{
	char oldest[DAY_LEN + 1];
	DIR *d = opendir(l->dir);
	struct dirent *e;

	utc_day(now_ms - l->keep_ms, oldest);
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (is_dead_letter_file(e->d_name) &&
		    strncmp(e->d_name, oldest, DAY_LEN) < 0 &&
		    unlinkat(dirfd(d), e->d_name, 0) != 0)
			log_warn("cannot remove '%s/%s': %s; %s", l->dir,
			    e->d_name, log_errno(errno), syserr_way_out(errno));
	}
	if (d != NULL)
		(void)closedir(d);
}

void
dead_letter_files_expire(struct dead_letter_files *l, int64_t now_ms)
{
	int64_t day = now_ms / DAY_MS;

	if (day == l->expired_day)
		return;
	l->expired_day = day;
	remove_expired_files(l, now_ms);
}

/* Opens the file under its lock, which reaper --forget may have for a moment.
 * The file may be exchanged for another one meanwhile. */
static int
open_when_free(const char *path)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_MS * 1000000L };
	int64_t end = clock_mono_ms() + LOCK_WAIT_MS;
	size_t torn;
	int fd;

	for (;;) {
		fd = file_open_lines(path, O_NOFOLLOW | O_NONBLOCK, &torn);
		if (fd >= 0)
			fd = file_only_regular(fd);
		if (fd >= 0 && file_is_at(fd, path, false) == 0)
			return fd;
		if (fd >= 0) {
			(void)close(fd);
			errno = EWOULDBLOCK;
		}
		if (errno != EWOULDBLOCK || clock_mono_ms() >= end)
			return -1;
		(void)nanosleep(&pause, NULL);
	}
}

/* Opens the file of that day. */
static int
open_day_file(struct dead_letter_files *l, const char *day, struct buf *why)
{
	char *path = xasprintf("%s/%s%s", l->dir, day, ENDING);
	int rc = 0;

	if (mkdir(l->dir, 0700) != 0 && errno != EEXIST)
		rc = dead_letters_failed(l, "keep", why);
	if (rc == 0) {
		l->fd = open_when_free(path);
		if (l->fd < 0 || file_sync_folder_of(l->dir) != 0)
			rc = dead_letters_failed(l, "keep", why);
	}
	free(path);
	if (rc == 0)
		memcpy(l->day, day, sizeof l->day);
	return rc;
}

int
dead_letter_files_write(struct dead_letter_files *l, const char *line,
    size_t len, int64_t now_ms, struct buf *why)
{
	char day[DAY_LEN + 1];

	dead_letter_files_expire(l, now_ms);
	utc_day(now_ms, day);
	if (strcmp(day, l->day) != 0 && dead_letter_files_flush(l, why) != 0)
		return -1;
	if (l->fd < 0 && open_day_file(l, day, why) != 0)
		return -1;
	l->unsafe = true;
	if (file_write_all(l->fd, line, len) == 0 &&
	    file_write_all(l->fd, "\n", 1) == 0)
		return 0;
	(void)dead_letters_failed(l, "write", why);
	/* A torn line is cut when the file is opened again; lines that were
	 * not synced do not count as safe. */
	(void)close(l->fd);
	l->fd = -1;
	l->unsafe = false;
	return -1;
}

int
dead_letter_files_flush(struct dead_letter_files *l, struct buf *why)
{
	int rc = 0;

	if (!l->unsafe)
		return 0;
	if (fdatasync(l->fd) != 0)
		rc = dead_letters_failed(l, "sync", why);
	(void)close(l->fd);
	l->fd = -1;
	l->unsafe = false;
	return rc;
}
