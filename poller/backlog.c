/*
 * backlog: see backlog.h. Files are called NNNNNNNNNN.ndjson; after a start a
 * new one is begun, so that nothing is ever added behind what a crash left.
 */
#include "poller/backlog.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/lock.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/xalloc.h"

#define SUFFIX ".ndjson"
#define DIGITS 10
/* A file that long is finished, and the next one begun. */
#define FILE_BYTES ((uint64_t)4 * 1024 * 1024)
#define TAIL 4096

struct part {
	uint64_t number;
	uint64_t safe; /* bytes that are synced */
	bool gone;     /* somebody removed it; it is not ours to remove again */
};

struct backlog {
	char *dir;
	uint64_t max;
	int lock_fd;
	unsigned torn;

	pthread_mutex_t guard; /* of what follows */
	struct part *parts;    /* in order; the last one is added to */
	size_t n, cap;
	uint64_t bytes; /* safe ones, of all parts */

	/* Of who adds. */
	int fd; /* of the last part; -1: none is open */
	uint64_t written, next_number;
	bool fresh;   /* the folder does not know the file yet */
	bool spoiled; /* what was added since the last sync is lost */

	/* Of who reads: what was read of the part at `at` of parts. */
	size_t at;
	uint64_t offset;
	int from;
	struct buf chunk;
};

static char *
path_of(const struct backlog *b, uint64_t number)
{
	return xasprintf("%s/%0*" PRIu64 "%s", b->dir, DIGITS, number, SUFFIX);
}

/* "0000000012.ndjson": 12; 0: no file of ours. */
static uint64_t
number_of(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	uint64_t n = 0;
	size_t i;

	if (digits < DIGITS || digits > 18 ||
	    strcmp(name + digits, SUFFIX) != 0)
		return 0;
	for (i = 0; i < digits; i++)
		n = n * 10 + (uint64_t)(name[i] - '0');
	return n;
}

/* Where the last whole line ends. -1: errno. */
static int64_t
whole_lines(int fd, int64_t size)
{
	char tail[TAIL];
	int64_t from, i;
	ssize_t n;

	for (; size > 0; size = from) {
		from = size > TAIL ? size - TAIL : 0;
		n = pread(fd, tail, (size_t)(size - from), from);
		if (n != size - from)
			return -1;
		for (i = n; i > 0; i--)
			if (tail[i - 1] == '\n')
				return from + i;
	}
	return 0;
}

/* Cuts a torn end. The size that is left, or -1. */
static int64_t
mend(struct backlog *b, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int64_t whole = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0)
		whole = whole_lines(fd, st.st_size);
	if (whole >= 0 && whole < st.st_size) {
		b->torn++;
		log_info("spool_cut", "file=%s bytes=%" PRId64, path,
		    (int64_t)st.st_size - whole);
		if (ftruncate(fd, whole) != 0 || fsync(fd) != 0)
			whole = -1;
	}
	(void)close(fd);
	return whole;
}

static int
by_number(const void *x, const void *y)
{
	const struct part *a = x, *b = y;

	return a->number < b->number ? -1 : a->number > b->number;
}

static int
take_file(struct backlog *b, uint64_t number)
{
	char *path = path_of(b, number);
	int64_t size = mend(b, path);
	int rc = size < 0 ? -1 : 0;

	if (size == 0)
		rc = unlink(path);
	free(path);
	if (number >= b->next_number)
		b->next_number = number + 1;
	if (size <= 0)
		return rc;
	XGROW(b->parts, b->n, b->cap);
	b->parts[b->n++] = (struct part){ number, (uint64_t)size, false };
	b->bytes += (uint64_t)size;
	return 0;
}

/* What earlier runs left. */
static int
load(struct backlog *b)
{
	DIR *d = opendir(b->dir);
	struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return -1;
	while (rc == 0 && (e = readdir(d)) != NULL)
		if (number_of(e->d_name) > 0)
			rc = take_file(b, number_of(e->d_name));
	(void)closedir(d);
	if (b->n > 0)
		qsort(b->parts, b->n, sizeof *b->parts, by_number);
	return rc;
}

static int
make_folders(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	char *parent;
	int rc = 0;

	if (slash != NULL && slash != dir) {
		parent = xstrndup(dir, (size_t)(slash - dir));
		if (mkdir(parent, 0700) != 0 && errno != EEXIST)
			rc = -1;
		free(parent);
	}
	return rc != 0 || (mkdir(dir, 0700) != 0 && errno != EEXIST) ? -1 : 0;
}

static int
open_all(struct backlog *b, enum exit_code *code, struct buf *why)
{
	char *lock;

	if (make_folders(b->dir) != 0) {
		buf_setf(why, "cannot make folder '%s': %s", b->dir,
		    log_errno(errno));
		*code = PROG_CANTCREATE;
		return -1;
	}
	lock = xasprintf("%s/lock", b->dir);
	b->lock_fd = lock_take(lock, why);
	free(lock);
	if (b->lock_fd < 0) {
		*code = errno == EWOULDBLOCK ? PROG_TEMPFAIL : PROG_CANTCREATE;
		if (*code == PROG_TEMPFAIL)
			buf_setf(why,
			    "another listener keeps its records in '%s'; give "
			    "each a --state of its own",
			    b->dir);
		return -1;
	}
	if (load(b) == 0)
		return 0;
	buf_setf(why, "cannot read '%s': %s; check its files and their rights",
	    b->dir, log_errno(errno));
	*code = PROG_IO;
	return -1;
}

struct backlog *
backlog_open(
    const char *dir, uint64_t max, enum exit_code *code, struct buf *why)
{
	struct backlog *b = xcalloc(1, sizeof *b);

	b->dir = xstrdup(dir);
	b->max = max;
	b->lock_fd = b->fd = b->from = -1;
	b->next_number = 1;
	(void)pthread_mutex_init(&b->guard, NULL);
	if (open_all(b, code, why) == 0)
		return b;
	backlog_close(b);
	return NULL;
}

static void
shut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
backlog_close(struct backlog *b)
{
	size_t i;
	char *path;

	if (b == NULL)
		return;
	shut(&b->fd);
	shut(&b->from);
	for (i = 0; i < b->n; i++) {
		path = path_of(b, b->parts[i].number);
		if (b->parts[i].safe == 0)
			(void)unlink(path);
		free(path);
	}
	lock_release(b->lock_fd);
	(void)pthread_mutex_destroy(&b->guard);
	buf_release(&b->chunk);
	free(b->parts);
	free(b->dir);
	free(b);
}

/* Begins the next file. */
static int
begin(struct backlog *b)
{
	char *path = path_of(b, b->next_number);

	b->fd = open(path,
	    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
	    0600);
	free(path);
	if (b->fd < 0)
		return -1;
	(void)pthread_mutex_lock(&b->guard);
	XGROW(b->parts, b->n, b->cap);
	b->parts[b->n++] = (struct part){ b->next_number, 0, false };
	(void)pthread_mutex_unlock(&b->guard);
	b->next_number++;
	b->written = 0;
	b->fresh = true;
	return 0;
}

/* What is safe of the file that is added to. */
static uint64_t
safe_bytes(struct backlog *b)
{
	uint64_t safe;

	(void)pthread_mutex_lock(&b->guard);
	safe = b->parts[b->n - 1].safe;
	(void)pthread_mutex_unlock(&b->guard);
	return safe;
}

/* Cuts off what is written and not synced. If even that fails it stays in a
 * file that nobody adds to any more, and of which only safe bytes are read. */
static void
take_back(struct backlog *b)
{
	uint64_t safe = safe_bytes(b);

	if (ftruncate(b->fd, (off_t)safe) != 0)
		log_info("spool_not_cut", "dir=%s", b->dir);
	shut(&b->fd);
}

static int
cannot_write(const struct backlog *b, struct buf *why)
{
	int error = errno;

	buf_setf(why, "cannot write to '%s': %s; %s", b->dir, log_errno(error),
	    error == ENOENT ? "make it again, or restart" : "make room");
	return -1;
}

/* A file that was removed or moved away takes what is written, and nobody ever
 * finds it again. */
static int
check_place(const struct backlog *b, const char *path)
{
	struct stat ours, there;

	if (fstat(b->fd, &ours) != 0 || lstat(path, &there) != 0)
		return -1;
	if (ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		return 0;
	errno = ENOENT;
	return -1;
}

int
backlog_add(struct backlog *b, const char *lines, size_t len, struct buf *why)
{
	uint64_t before, unsafe;

	if (b->fd >= 0 && b->written >= FILE_BYTES &&
	    b->written == safe_bytes(b))
		shut(&b->fd);
	unsafe = b->fd >= 0 ? b->written - safe_bytes(b) : 0;
	if (backlog_bytes(b) + unsafe + len > b->max) {
		buf_setf(why,
		    "'%s' is full (%" PRIu64 " bytes); raise [listen] spool, "
		    "or mend the broker",
		    b->dir, b->max);
		return -1;
	}
	if (b->fd < 0 && begin(b) != 0)
		return cannot_write(b, why);
	before = b->written;
	if (file_write_all(b->fd, lines, len) != 0) {
		(void)cannot_write(b, why);
		/* What was added before it stays. */
		b->spoiled = ftruncate(b->fd, (off_t)before) != 0;
		return -1;
	}
	b->written += len;
	return 0;
}

int
backlog_sync(struct backlog *b, struct buf *why)
{
	char *path = path_of(b, b->next_number - 1);
	struct part *last;
	int rc = b->spoiled ? -1 : fsync(b->fd);

	if (rc == 0 && b->fresh)
		rc = file_sync_folder_of(path);
	if (rc == 0)
		rc = check_place(b, path);
	if (rc != 0)
		(void)cannot_write(b, why);
	free(path);
	if (rc != 0) {
		/* After a failed sync nobody knows what is on the disk. */
		take_back(b);
		shut(&b->fd);
		b->spoiled = false;
		return -1;
	}
	b->fresh = false;
	/* Commit point: who reads may have it. */
	(void)pthread_mutex_lock(&b->guard);
	last = &b->parts[b->n - 1];
	b->bytes += b->written - last->safe;
	last->safe = b->written;
	(void)pthread_mutex_unlock(&b->guard);
	return 0;
}

/* The part to read on in; false: there is nothing more. */
static bool
find_next(struct backlog *b, struct part *p)
{
	bool found = false;

	(void)pthread_mutex_lock(&b->guard);
	while (b->at < b->n && !found) {
		*p = b->parts[b->at];
		found = b->offset < p->safe;
		/* What is not the last has no more to come. */
		if (!found && b->at + 1 == b->n)
			break;
		if (!found) {
			b->at++;
			b->offset = 0;
			shut(&b->from);
		}
	}
	(void)pthread_mutex_unlock(&b->guard);
	return found;
}

/* Reads about `most` bytes of p at the offset, and then on to a line's end.
 * The length of whole lines, or -1. */
static ssize_t
read_lines(struct backlog *b, const struct part *p, size_t most)
{
	struct buf *chunk = &b->chunk;
	uint64_t left;
	size_t want, len;
	ssize_t n;

	buf_clear(chunk);
	for (;;) {
		left = p->safe - b->offset - chunk->len;
		want = left < most ? (size_t)left : most;
		n = pread(b->from, buf_room(chunk, want), want,
		    (off_t)(b->offset + chunk->len));
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return -1;
		}
		buf_grown(chunk, (size_t)n);
		for (len = chunk->len; len > 0; len--)
			if (chunk->data[len - 1] == '\n')
				return (ssize_t)len;
	}
}

/* Somebody removed the file: it would be in the way of all behind it. */
static void
pass_over(struct backlog *b, const struct part *p, const char *path)
{
	log_error("'%s' is gone, and %" PRIu64 " bytes with it that were not "
		  "published; if it was moved, put it back and restart",
	    path, p->safe - b->offset);
	b->offset = p->safe;
	(void)pthread_mutex_lock(&b->guard);
	b->parts[b->at].gone = true;
	(void)pthread_mutex_unlock(&b->guard);
}

int
backlog_next(struct backlog *b, const char **lines, size_t *len, size_t most,
    struct buf *why)
{
	struct part p;
	ssize_t n = -1;
	char *path;

	do {
		if (!find_next(b, &p))
			return 0;
		path = path_of(b, p.number);
		if (b->from < 0)
			b->from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (b->from >= 0 || errno != ENOENT)
			break;
		pass_over(b, &p, path);
		free(path);
	} while (true);
	if (b->from >= 0)
		n = read_lines(b, &p, most);
	if (n < 0) {
		buf_setf(why, "cannot read '%s': %s", path, log_errno(errno));
		shut(&b->from);
	}
	free(path);
	if (n < 0)
		return -1;
	b->offset += (uint64_t)n;
	*lines = b->chunk.data;
	*len = (size_t)n;
	return 1;
}

/* Removes the first n parts. */
static void
drop(struct backlog *b, size_t n)
{
	char *path;
	size_t i;

	for (i = 0; i < n; i++) {
		path = path_of(b, b->parts[i].number);
		if (!b->parts[i].gone)
			(void)unlink(path);
		free(path);
		b->bytes -= b->parts[i].safe;
	}
	memmove(b->parts, b->parts + n, (b->n - n) * sizeof *b->parts);
	b->n -= n;
	b->at -= n;
}

void
backlog_taken(struct backlog *b)
{
	(void)pthread_mutex_lock(&b->guard);
	if (b->at > 0)
		drop(b, b->at);
	(void)pthread_mutex_unlock(&b->guard);
}

void
backlog_clear(struct backlog *b)
{
	shut(&b->fd);
	shut(&b->from);
	(void)pthread_mutex_lock(&b->guard);
	b->at = b->n;
	if (b->n > 0)
		drop(b, b->n);
	b->offset = 0;
	(void)pthread_mutex_unlock(&b->guard);
}

void
backlog_again(struct backlog *b)
{
	(void)pthread_mutex_lock(&b->guard);
	b->at = 0;
	b->offset = 0;
	shut(&b->from);
	(void)pthread_mutex_unlock(&b->guard);
}

bool
backlog_is_empty(struct backlog *b)
{
	return backlog_bytes(b) == 0;
}

unsigned
backlog_torn(const struct backlog *b)
{
	return b->torn;
}

uint64_t
backlog_bytes(struct backlog *b)
{
	uint64_t bytes;

	(void)pthread_mutex_lock(&b->guard);
	bytes = b->bytes;
	(void)pthread_mutex_unlock(&b->guard);
	return bytes;
}

const char *
backlog_dir(const struct backlog *b)
{
	return b->dir;
}
