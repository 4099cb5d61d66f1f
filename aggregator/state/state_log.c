/*
 * state_log: writes and reads the log; state_log.h describes it. The file grows
 * in steps that are allocated before they are needed, and entries overwrite
 * older ones: then a sync has no sizes and no blocks to write.
 */
#define _DEFAULT_SOURCE

#include "aggregator/state/state_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/base/xalloc.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"
#include "common/records/stream_files.h"

#define MAGIC "messaging-analytics stream log "
#define LOG_VERSION "3\n"
#define FIRST_SIZE ((uint64_t)1 << 20)

/* The first bytes of the file. */
struct log_header {
	char magic[sizeof MAGIC - 1];
	char version[sizeof LOG_VERSION];
	uint64_t seed[2];
	uint64_t sum; /* of what is above */
};

/* Precedes the bytes of an entry. */
struct log_frame {
	char magic[8];
	uint64_t number;
	uint64_t len;
	uint64_t sum; /* of salt, number, length and bytes */
};

static const char frame_magic[8] = { 'c', 'o', 'm', 'm', 'i', 't', ' ', '\n' };

static uint64_t
frame_sum(
    const struct state_log *l, const struct log_frame *f, const void *data)
{
	uint64_t h = checksum(l->salt, &f->number, sizeof f->number);

	return checksum(
	    checksum(h, &f->len, sizeof f->len), data, (size_t)f->len);
}

static uint64_t
header_sum(const struct log_header *h)
{
	return checksum(0, h, offsetof(struct log_header, sum));
}

static size_t
round_to_pages(size_t len)
{
	return (len + STATE_LOG_PAGE - 1) / STATE_LOG_PAGE * STATE_LOG_PAGE;
}

void
state_log_init(struct state_log *l, const char *dir)
{
	memset(l, 0, sizeof *l);
	l->path = xasprintf("%s/" STREAM_LOG, dir);
	l->fd = -1;
}

void
state_log_release(struct state_log *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->path);
	l->fd = -1;
	l->path = NULL;
}

/* Skips the bytes that were written. */
static void
advance_iovec(struct iovec *iov, size_t n, size_t done)
{
	size_t i, len;

	for (i = 0; i < n; i++) {
		len = done < iov[i].iov_len ? done : iov[i].iov_len;
		iov[i].iov_base = (char *)iov[i].iov_base + len;
		iov[i].iov_len -= len;
		done -= len;
	}
}

static int
write_iovec_at(int fd, struct iovec *iov, size_t n, size_t len, uint64_t at)
{
	ssize_t done;

	while (len > 0) {
		done = pwritev(fd, iov, (int)n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			errno = done == 0 ? ENOSPC : errno;
			return -1;
		}
		advance_iovec(iov, n, (size_t)done);
		len -= (size_t)done;
		at += (uint64_t)done;
	}
	return 0;
}

static void
begin_log(struct state_log *l, const uint64_t seed[2], uint64_t size)
{
	l->salt = checksum(0, seed, 2 * sizeof seed[0]);
	l->size = size;
	l->at = STATE_LOG_PAGE;
}

/* A log is renamed to its name when it has its first size, and never shortened:
 * a shorter one was cut. */
static bool
is_log_size(uint64_t size)
{
	return size >= FIRST_SIZE && size <= STATE_LOG_MAX;
}

enum state_log_result
state_log_open(struct state_log *l, const uint64_t seed[2])
{
	struct log_header h;
	struct stat st;
	ssize_t n;

	l->fd = file_open(l->path, O_RDWR, 0);
	if (l->fd < 0)
		return errno == ENOENT ? STATE_LOG_NONE : STATE_LOG_FAILED;
	n = pread(l->fd, &h, sizeof h, 0);
	if (n < 0 || fstat(l->fd, &st) != 0)
		return STATE_LOG_FAILED;
	if ((size_t)n < sizeof h || memcmp(h.magic, MAGIC, sizeof h.magic) != 0)
		return STATE_LOG_DAMAGED;
	if (memcmp(h.version, LOG_VERSION, sizeof h.version) != 0)
		return STATE_LOG_VERSION;
	if (h.sum != header_sum(&h) || !is_log_size((uint64_t)st.st_size))
		return STATE_LOG_DAMAGED;
	if (memcmp(h.seed, seed, sizeof h.seed) != 0)
		return STATE_LOG_FOREIGN;
	begin_log(l, seed, (uint64_t)st.st_size);
	return STATE_LOG_OK;
}

static int
write_log_header(struct state_log *l, const uint64_t seed[2])
{
	char page[STATE_LOG_PAGE] = { 0 };
	struct iovec iov = { page, sizeof page };
	struct log_header h;

	memset(&h, 0, sizeof h);
	memcpy(h.magic, MAGIC, sizeof h.magic);
	memcpy(h.version, LOG_VERSION, sizeof h.version);
	memcpy(h.seed, seed, sizeof h.seed);
	h.sum = header_sum(&h);
	memcpy(page, &h, sizeof h);
	errno = posix_fallocate(l->fd, 0, (off_t)FIRST_SIZE);
	if (errno != 0 || write_iovec_at(l->fd, &iov, 1, sizeof page, 0) == -1)
		return -1;
	begin_log(l, seed, FIRST_SIZE);
	return fsync(l->fd);
}

int
state_log_make(struct state_log *l, const uint64_t seed[2])
{
	char *name = xasprintf("%s.new", l->path);
	int rc = -1, err;

	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = file_open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (l->fd >= 0 && write_log_header(l, seed) == 0)
		rc = file_rename(name, l->path);
	err = errno;
	if (rc == -1)
		(void)unlink(name);
	free(name);
	errno = err;
	return rc;
}

/* Reads the frame of the entry at that offset. False: no whole one is there. */
static bool
read_log_frame(const struct state_log *l, const struct buf *b, size_t at,
    struct log_frame *f)
{
	if (b->len < at || b->len - at < sizeof *f)
		return false;
	memcpy(f, b->data + at, sizeof *f);
	return memcmp(f->magic, frame_magic, sizeof f->magic) == 0 &&
	       f->len <= b->len - at - sizeof *f &&
	       f->sum == frame_sum(l, f, b->data + at + sizeof *f);
}

static bool
has_entry_above(
    const struct state_log *l, const struct buf *b, size_t at, uint64_t number)
{
	struct log_frame f;

	for (; at < b->len; at += STATE_LOG_PAGE)
		if (read_log_frame(l, b, at, &f) && f.number > number)
			return true;
	return false;
}

/* The numbers of entries go up by one; the first entry whose number does not is
 * left from before the last restart. */
static enum state_log_result
walk_log(const struct state_log *l, const struct buf *b, uint64_t *number,
    state_log_fn *entry, void *ctx)
{
	size_t at = STATE_LOG_PAGE;
	uint64_t last = 0;
	struct log_frame f;

	while (read_log_frame(l, b, at, &f) &&
	       (last == 0 || f.number == last + 1)) {
		/* The commits between are lost. */
		if (last == 0 && f.number > *number + 1)
			return STATE_LOG_FOREIGN;
		last = f.number;
		if (last > *number) {
			if (!entry(ctx, b->data + at + sizeof f, (size_t)f.len))
				return STATE_LOG_DAMAGED;
			*number = last;
		}
		at += round_to_pages(sizeof f + (size_t)f.len);
	}
	return has_entry_above(l, b, at, *number) ? STATE_LOG_DAMAGED
						  : STATE_LOG_OK;
}

enum state_log_result
state_log_each(
    struct state_log *l, uint64_t *number, state_log_fn *entry, void *ctx)
{
	struct buf b = { .max = 2 * STATE_LOG_MAX };
	enum state_log_result r = STATE_LOG_FAILED;

	if (lseek(l->fd, 0, SEEK_SET) == 0 && file_read_all(l->fd, &b) == 0)
		r = walk_log(l, &b, number, entry, ctx);
	buf_release(&b);
	return r;
}

bool
state_log_has_room(const struct state_log *l, size_t len)
{
	return len < STATE_LOG_MAX &&
	       l->at + round_to_pages(sizeof(struct log_frame) + len) <=
		   STATE_LOG_MAX;
}

/* Makes the file twice as long, or more. */
static int
grow_log_file(struct state_log *l, uint64_t end)
{
	uint64_t size = l->size;

	while (size < end)
		size *= 2;
	if (size > STATE_LOG_MAX)
		size = STATE_LOG_MAX;
	errno = posix_fallocate(l->fd, (off_t)l->size, (off_t)(size - l->size));
	if (errno != 0)
		return -1;
	l->size = size;
	return 0;
}

int
state_log_add(struct state_log *l, uint64_t number, const struct buf *entry)
{
	static const char zeros[STATE_LOG_PAGE];
	struct log_frame f = { .number = number, .len = entry->len };
	size_t len = round_to_pages(sizeof f + entry->len);
	struct iovec iov[] = {
		{ &f, sizeof f },
		{ entry->data, entry->len },
		{ (void *)(uintptr_t)zeros, len - sizeof f - entry->len },
	};

	memcpy(f.magic, frame_magic, sizeof f.magic);
	f.sum = frame_sum(l, &f, entry->data);
	if (l->at + len > l->size && grow_log_file(l, l->at + len) == -1)
		return -1;
	if (write_iovec_at(l->fd, iov, ARRAY_LEN(iov), len, l->at) == -1 ||
	    fdatasync(l->fd) != 0)
		return -1;
	l->at += len;
	return 0;
}

void
state_log_restart(struct state_log *l)
{
	l->at = STATE_LOG_PAGE;
}

bool
state_log_any(const struct state_log *l)
{
	return l->at > STATE_LOG_PAGE;
}
