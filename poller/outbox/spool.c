/*
 * spool: see spool.h. A file is named NNNNNNNNNN.ndjson, by the number of its
 * first line. After a start a new one is begun, so that no line is ever added
 * behind what a crash left.
 */
#include "poller/outbox/spool_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/lock.h"
#include "poller/outbox/spool_line.h"

/* A file of that size is finished, and the next one begun. */
#define FILE_BYTES ((uint64_t)4 * 1024 * 1024)

const struct spool_kind spool_spool = {
	.what = "records that were answered with success",
	.rest = "the others are published; have these sent again",
};

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
open_spool_folder(struct spool *b, enum exit_code *code, struct buf *why)
{
	char *lock, *mark;
	int rc;

	if (make_folders(b->dir) != 0) {
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot make folder '%s'", b->dir);
		return -1;
	}
	lock = xasprintf("%s/lock", b->dir);
	b->lock_fd = lock_take(lock, why);
	free(lock); /* keeps errno */
	if (b->lock_fd < 0) {
		*code = syserr_code(errno, PROG_CANTCREATE);
		if (errno == EWOULDBLOCK)
			buf_setf(why,
			    "another listener keeps its records in '%s'; give "
			    "each a --state of its own",
			    b->dir);
		return -1;
	}
	mark = xasprintf("%s/" SPOOL_MARK, b->dir);
	rc = spool_mark_open(&b->mark, mark);
	if (rc != 0)
		*code = syserr_explain(
		    why, PROG_CANTCREATE, "cannot use '%s'", mark);
	free(mark);
	return rc != 0 ? -1 : spool_recover(b, code, why);
}

struct spool *
spool_open(const char *dir, const struct spool_kind *kind, uint64_t max,
    enum exit_code *code, struct buf *why)
{
	struct spool *b = xcalloc(1, sizeof *b);

	b->dir = xstrdup(dir);
	b->kind = kind;
	b->max = max;
	b->lock_fd = b->fd = b->from = b->mark.fd = -1;
	(void)pthread_mutex_init(&b->guard, NULL);
	if (open_spool_folder(b, code, why) == 0) {
		b->synced = b->number;
		return b;
	}
	spool_close(b);
	return NULL;
}

static void
close_and_clear(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
spool_close(struct spool *b)
{
	size_t i;
	char *path;

	if (b == NULL)
		return;
	close_and_clear(&b->fd);
	close_and_clear(&b->from);
	for (i = 0; i < b->n; i++) {
		path = spool_path(b, b->files[i].number);
		if (b->files[i].safe == 0)
			(void)unlink(path);
		free(path);
	}
	spool_mark_close(&b->mark);
	lock_release(b->lock_fd);
	(void)pthread_mutex_destroy(&b->guard);
	buf_release(&b->frame);
	buf_release(&b->chunk);
	free(b->files);
	free(b->dir);
	free(b);
}

/* Begins the next file; it replaces one of which no line became safe. */
static int
begin_spool_file(struct spool *b)
{
	char *path = spool_path(b, b->number);

	b->fd = file_open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW, 0600);
	free(path);
	if (b->fd < 0)
		return -1;
	(void)pthread_mutex_lock(&b->guard);
	if (b->n == 0 || b->files[b->n - 1].number != b->number) {
		XGROW(b->files, b->n, b->cap);
		b->files[b->n++] = (struct spool_file){ .number = b->number };
	}
	(void)pthread_mutex_unlock(&b->guard);
	b->written = 0;
	b->fresh = true;
	return 0;
}

/* How many bytes are safe of the file that is added to. */
static uint64_t
safe_bytes(struct spool *b)
{
	uint64_t safe;

	(void)pthread_mutex_lock(&b->guard);
	safe = b->files[b->n - 1].safe;
	(void)pthread_mutex_unlock(&b->guard);
	return safe;
}

/* Cuts off what is written and not synced. If that fails it stays in a file
 * that is not added to any more, and of which only safe bytes are read. */
static void
discard_unsynced(struct spool *b)
{
	uint64_t safe = safe_bytes(b);

	if (ftruncate(b->fd, (off_t)safe) != 0)
		log_info("spool_not_cut", "dir=%s", b->dir);
	close_and_clear(&b->fd);
	b->spoiled = false;
	b->number = b->synced;
}

static int
cannot_write(const struct spool *b, struct buf *why)
{
	int error = errno;

	buf_setf(why, "cannot write to '%s': %s; %s", b->dir, log_errno(error),
	    error == ENOENT ? "make it again, or restart"
			    : syserr_way_out(error));
	return -1;
}

/* Puts the lines as they are stored into b->frame. Returns how many. */
static uint64_t
frame_lines(struct spool *b, const char *lines, size_t len)
{
	const char *end = lines + len, *nl;
	uint64_t n = 0;

	buf_clear(&b->frame);
	for (; lines < end; lines = nl + 1) {
		nl = memchr(lines, '\n', (size_t)(end - lines));
		if (nl == NULL)
			break;
		spool_line_put(
		    &b->frame, b->number + n, lines, (size_t)(nl - lines));
		n++;
	}
	return n;
}

int
spool_add(struct spool *b, const char *lines, size_t len, struct buf *why)
{
	uint64_t before, unsafe, n = frame_lines(b, lines, len);

	if (b->fd >= 0 && b->written >= FILE_BYTES &&
	    b->written == safe_bytes(b))
		close_and_clear(&b->fd);
	unsafe = b->fd >= 0 ? b->written - safe_bytes(b) : 0;
	if (spool_bytes(b) + unsafe + b->frame.len > b->max) {
		buf_setf(why,
		    "'%s' is full (%" PRIu64 " bytes); raise [listen] spool, "
		    "or repair the broker",
		    b->dir, b->max);
		return -1;
	}
	if (b->fd < 0 && begin_spool_file(b) != 0)
		return cannot_write(b, why);
	before = b->written;
	if (file_write_all(b->fd, b->frame.data, b->frame.len) != 0) {
		(void)cannot_write(b, why);
		/* What was added before stays. */
		b->spoiled = ftruncate(b->fd, (off_t)before) != 0;
		return -1;
	}
	b->written += b->frame.len;
	b->number += n;
	return 0;
}

/* Syncs the file, and its folder when it is new, and writes the mark. */
static int
sync_added_lines(struct spool *b)
{
	char *path;
	uint64_t number;
	bool sync = !b->kind->unsynced;
	int rc = b->spoiled || (sync && fsync(b->fd) != 0) ? -1 : 0;

	(void)pthread_mutex_lock(&b->guard);
	number = b->files[b->n - 1].number;
	(void)pthread_mutex_unlock(&b->guard);
	path = spool_path(b, number);
	if (rc == 0 && sync && b->fresh)
		rc = file_sync_folder_of(path);
	if (rc == 0)
		rc = file_is_at(b->fd, path, false);
	if (rc == 0)
		rc = spool_mark_write(
		    &b->mark, SPOOL_ACKNOWLEDGED, b->number - 1);
	free(path);
	return rc;
}

int
spool_sync(struct spool *b, struct buf *why)
{
	struct spool_file *last;

	if (sync_added_lines(b) != 0) {
		(void)cannot_write(b, why);
		/* After a failed sync it is unknown what is on the disk. */
		discard_unsynced(b);
		return -1;
	}
	b->fresh = false;
	b->synced = b->number;
	/* Commit point: the lines may be read. */
	(void)pthread_mutex_lock(&b->guard);
	last = &b->files[b->n - 1];
	b->bytes += b->written - last->safe;
	last->safe = b->written;
	(void)pthread_mutex_unlock(&b->guard);
	return 0;
}

/* The file to read on in; false: there are no more lines. */
static bool
find_file_to_read(struct spool *b, struct spool_file *p)
{
	bool found = false;

	(void)pthread_mutex_lock(&b->guard);
	while (b->at < b->n && !found) {
		*p = b->files[b->at];
		found = b->offset < p->safe;
		/* Only the last file grows. */
		if (!found && b->at + 1 == b->n)
			break;
		if (!found) {
			b->at++;
			b->offset = 0;
			close_and_clear(&b->from);
		}
	}
	(void)pthread_mutex_unlock(&b->guard);
	return found;
}

/* Reads about `most` bytes of p at the offset, and then on to a line's end.
 * The length of whole lines, or -1. */
static ssize_t
read_spool_chunk(struct spool *b, const struct spool_file *p, size_t most)
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

/* The file was removed by somebody else; the ones behind it are read. */
static void
skip_removed_file(struct spool *b, const struct spool_file *p, const char *path)
{
	log_error("'%s' is gone, and %" PRIu64 " bytes with it that were not "
		  "published; if it was moved, put it back and restart",
	    path, p->safe - b->offset);
	b->offset = p->safe;
	(void)pthread_mutex_lock(&b->guard);
	b->files[b->at].gone = true;
	(void)pthread_mutex_unlock(&b->guard);
}

/* Turns the n bytes of lines in the chunk into records, in place. Their length,
 * or -1. */
static ssize_t
unframe_records(struct spool *b, size_t n)
{
	char *to = b->chunk.data, *line = to, *end = to + n, *nl;
	const char *record;
	uint64_t number = b->last;
	size_t len;

	for (; line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL || !spool_line_take(line, (size_t)(nl - line),
				      &number, &record, &len)) {
			errno = EBADMSG;
			return -1;
		}
		memmove(to, record, len);
		to += len;
		*to++ = '\n';
	}
	b->last = number;
	return to - b->chunk.data;
}

/* Opens the next file that is there. 1, 0: there is none, or -1. */
static int
open_file_to_read(struct spool *b, struct spool_file *p, char **path)
{
	while (find_file_to_read(b, p)) {
		*path = spool_path(b, p->number);
		if (b->from < 0)
			b->from = file_open(*path, O_RDONLY | O_NOFOLLOW, 0);
		if (b->from >= 0)
			return 1;
		if (errno != ENOENT)
			return -1;
		skip_removed_file(b, p, *path);
		free(*path);
		*path = NULL;
	}
	return 0;
}

int
spool_next(struct spool *b, const char **lines, size_t *len, size_t most,
    struct buf *why)
{
	struct spool_file p;
	char *path = NULL;
	int got = open_file_to_read(b, &p, &path);
	ssize_t n = got > 0 ? read_spool_chunk(b, &p, most) : got;
	ssize_t records = n > 0 ? unframe_records(b, (size_t)n) : n;

	if (records < 0) {
		if (errno == EBADMSG)
			buf_setf(why,
			    "cannot read '%s': it was damaged while it was in "
			    "use; restart to save what is whole",
			    path);
		else
			(void)syserr_explain(
			    why, PROG_IO, "cannot read '%s'", path);
		close_and_clear(&b->from);
	}
	free(path);
	if (records <= 0)
		return (int)records;
	b->offset += (uint64_t)n;
	*lines = b->chunk.data;
	*len = (size_t)records;
	return 1;
}

/* Removes the first n files; the lock is held. */
static void
remove_spool_files(struct spool *b, size_t n)
{
	char *path;
	size_t i;

	for (i = 0; i < n; i++) {
		path = spool_path(b, b->files[i].number);
		if (!b->files[i].gone)
			(void)unlink(path);
		free(path);
		b->bytes -= b->files[i].safe;
	}
	memmove(b->files, b->files + n, (b->n - n) * sizeof *b->files);
	b->n -= n;
	b->at -= n;
}

/* Before files are removed, so that their lines do not count as missing, even
 * after a loss of power: the first n are to be. */
static void
write_taken_mark(struct spool *b, uint64_t last, size_t n)
{
	int rc = 0;

	if (last > b->mark.n[SPOOL_TAKEN])
		rc = spool_mark_write(&b->mark, SPOOL_TAKEN, last);
	if (rc == 0 && n > 0 && !b->kind->unsynced)
		rc = spool_mark_sync(&b->mark);
	if (rc != 0)
		log_warn("cannot write to '%s': %s; %s, or the next start may "
			 "miss what was published",
		    b->dir, log_errno(errno), syserr_way_out(errno));
}

void
spool_confirm(struct spool *b)
{
	write_taken_mark(b, b->last, b->at);
	(void)pthread_mutex_lock(&b->guard);
	if (b->at > 0)
		remove_spool_files(b, b->at);
	b->confirmed = b->offset;
	b->confirmed_last = b->last;
	(void)pthread_mutex_unlock(&b->guard);
}

void
spool_end_file(struct spool *b)
{
	close_and_clear(&b->fd);
}

void
spool_remove_up_to(struct spool *b, uint64_t number)
{
	size_t n = 0;

	while (n + 1 < b->n && b->files[n + 1].number <= number + 1)
		n++;
	if (n == 0)
		return;
	write_taken_mark(b, b->files[n].number - 1, n);
	(void)pthread_mutex_lock(&b->guard);
	close_and_clear(&b->from);
	b->at = n;
	b->offset = b->confirmed = 0;
	remove_spool_files(b, n);
	(void)pthread_mutex_unlock(&b->guard);
}

uint64_t
spool_number(const struct spool *b)
{
	return b->number - 1;
}

uint64_t
spool_number_read(const struct spool *b)
{
	return b->last;
}

void
spool_clear(struct spool *b)
{
	close_and_clear(&b->fd);
	close_and_clear(&b->from);
	write_taken_mark(b, b->mark.n[SPOOL_ACKNOWLEDGED], b->n);
	(void)pthread_mutex_lock(&b->guard);
	b->at = b->n;
	if (b->n > 0)
		remove_spool_files(b, b->n);
	b->offset = b->confirmed = 0;
	b->confirmed_last = b->last;
	(void)pthread_mutex_unlock(&b->guard);
}

void
spool_rewind(struct spool *b)
{
	(void)pthread_mutex_lock(&b->guard);
	b->at = 0;
	b->offset = b->confirmed;
	b->last = b->confirmed_last;
	close_and_clear(&b->from);
	(void)pthread_mutex_unlock(&b->guard);
}

bool
spool_is_empty(struct spool *b)
{
	return spool_bytes(b) == 0;
}

bool
spool_is_damaged(const struct spool *b)
{
	return b->lost > 0 || b->mark_lost;
}

uint64_t
spool_lines(const struct spool *b)
{
	return b->lines;
}

uint64_t
spool_bytes(struct spool *b)
{
	uint64_t bytes;

	(void)pthread_mutex_lock(&b->guard);
	bytes = b->bytes;
	(void)pthread_mutex_unlock(&b->guard);
	return bytes;
}

const char *
spool_dir(const struct spool *b)
{
	return b->dir;
}
