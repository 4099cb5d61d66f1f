/*
 * line_file: see line_file.h.
 */
#define _DEFAULT_SOURCE /* flock */
#include "reaper/files/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/os/stop.h"
#include "reaper/files/line_reader.h"
#include "reaper/files/snapshot_counts.h"

enum {
	WRITE_AT_ONCE = 1 << 20,
	/* How long to wait for a run that appends to the file. */
	LOCK_WAIT_MS = 10000,
	LOCK_PAUSE_MS = 50,
};

static enum exit_code
explain_line_file(const char *what, const char *path, struct buf *why)
{
	return syserr_explain(why, PROG_IO, "cannot %s '%s'", what, path);
}

enum exit_code
line_file_read(const char *path, line_file_fn *see, void *ctx, struct buf *why)
{
	int fd = line_reader_open(path);
	struct line_reader r;

	if (fd < 0)
		return errno == ENOENT ? PROG_OK
				       : line_reader_explain_open(path, why);
	line_reader_init(&r, fd, path);
	while (line_reader_next(&r, why))
		(void)see(ctx, r.line, r.len);
	line_reader_release(&r);
	(void)close(fd);
	return r.code;
}

struct gone_line {
	uint64_t number;
	size_t instead; /* bytes of what takes its place */
};

/* A file while lines are removed from it. */
struct removal {
	const char *path;
	int from;               /* locked */
	struct gone_line *gone; /* in order */
	size_t n, cap;
	struct buf instead; /* of all of them, one behind the other */
	struct snapshot_counts counts;
	off_t size; /* what was asked about */
};

int
line_file_lock(const char *path)
{
	int64_t end = clock_mono_ms() + LOCK_WAIT_MS;
	int fd;

	for (;;) {
		fd = line_reader_open(path);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		    file_is_at(fd, path, false) == 0)
			return fd;
		(void)close(fd);
		if (clock_mono_ms() >= end || stop_sleep(LOCK_PAUSE_MS)) {
			errno = EWOULDBLOCK;
			return -1;
		}
	}
}

enum exit_code
line_file_explain_lock(const char *path, struct buf *why)
{
	if (errno != EWOULDBLOCK)
		return line_reader_explain_open(path, why);
	buf_setf(why,
	    "cannot lock '%s': somebody writes to it; stop that program, or "
	    "try again",
	    path);
	return PROG_TEMPFAIL;
}

static enum exit_code
find_lines(
    struct removal *m, line_file_gone_fn *gone, void *ctx, struct buf *why)
{
	struct buf instead = BUF_INIT;
	struct line_reader r;
	bool goes;

	line_reader_init(&r, m->from, m->path);
	while (line_reader_next(&r, why)) {
		buf_clear(&instead);
		goes = gone(ctx, r.line, r.len, &instead);
		snapshot_counts_add(&m->counts, r.line, r.len, goes);
		if (!goes)
			continue;
		XGROW(m->gone, m->n, m->cap);
		m->gone[m->n++] =
		    (struct gone_line){ r.lines.number, instead.len };
		if (instead.len > 0)
			buf_add(&m->instead, instead.data, instead.len);
	}
	buf_release(&instead);
	line_reader_release(&r);
	m->size = lseek(m->from, 0, SEEK_CUR);
	return r.code;
}

/* A last line without a newline stays without one. */
static void
keep_line(struct removal *m, const struct line_reader *r, struct buf *kept)
{
	snapshot_counts_copy(&m->counts, r->line, r->len, kept);
	if (!r->unended)
		buf_addc(kept, '\n');
}

static void
take_instead(const struct removal *m, size_t i, size_t *taken, struct buf *kept)
{
	size_t n = m->gone[i].instead;

	if (n > 0)
		buf_add(kept, m->instead.data + *taken, n);
	*taken += n;
}

/* Writes what is kept to `to`. */
static enum exit_code
copy_kept_lines(struct removal *m, int to, struct buf *why)
{
	struct buf kept = BUF_INIT;
	struct line_reader r;
	size_t next = 0, taken = 0;
	bool ok = lseek(m->from, 0, SEEK_SET) == 0;

	snapshot_counts_rewind(&m->counts);
	line_reader_init(&r, m->from, m->path);
	while (ok && line_reader_next(&r, why)) {
		if (next < m->n && m->gone[next].number == r.lines.number)
			take_instead(m, next++, &taken, &kept);
		else
			keep_line(m, &r, &kept);
		if (kept.len >= WRITE_AT_ONCE) {
			ok = file_write_all(to, kept.data, kept.len) == 0;
			buf_clear(&kept);
		}
	}
	if (ok && r.code == PROG_OK)
		ok = file_write_all(to, buf_str(&kept), kept.len) == 0 &&
		     fsync(to) == 0;
	if (!ok)
		r.code = explain_line_file("write the rest of", m->path, why);
	line_reader_release(&r);
	buf_release(&kept);
	return r.code;
}

/* Makes the new file, locked from the beginning, so that nobody appends to it
 * before it is complete; by root, for the owner of the old one. */
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

/* Whoever appends without the lock adds lines that nobody was asked about, or
 * that the exchange would lose. */
static enum exit_code
check_size(const struct removal *m, struct buf *why)
{
	struct stat st;

	if (fstat(m->from, &st) == 0 && st.st_size == m->size)
		return PROG_OK;
	buf_setf(why,
	    "'%s' was written to meanwhile; stop the program that does so, or "
	    "try again",
	    m->path);
	return PROG_TEMPFAIL;
}

static enum exit_code
exchange_file(struct removal *m, const char *name, struct buf *why)
{
	int to = make_new_file(m->from, name);
	enum exit_code code = PROG_OK;

	if (to < 0)
		code = explain_line_file("make", name, why);
	else
		code = copy_kept_lines(m, to, why);
	if (code == PROG_OK)
		code = check_size(m, why);
	FAULT_POINT("reaper.file_copied");
	if (code == PROG_OK && file_rename(name, m->path) != 0)
		code = explain_line_file("exchange", m->path, why);
	FAULT_POINT("reaper.file_exchanged");
	if (to >= 0 && code != PROG_OK)
		(void)unlink(name);
	if (to >= 0)
		(void)close(to);
	return code;
}

static enum exit_code
remove_lines(
    struct removal *m, line_file_gone_fn *gone, void *ctx, struct buf *why)
{
	char *name = xasprintf("%s.forget", m->path);
	enum exit_code code;

	/* Of a run that was killed, with lines that may go now. */
	(void)unlink(name);
	code = find_lines(m, gone, ctx, why);
	if (code == PROG_OK && m->n > 0)
		code = exchange_file(m, name, why);
	free(name);
	return code;
}

enum exit_code
line_file_remove(
    const char *path, line_file_gone_fn *gone, void *ctx, struct buf *why)
{
	struct removal m = { .path = path, .from = line_file_lock(path) };
	enum exit_code code;

	if (m.from < 0 && errno == ENOENT)
		return PROG_OK;
	if (m.from < 0)
		return line_file_explain_lock(path, why);
	code = remove_lines(&m, gone, ctx, why);
	free(m.gone);
	buf_release(&m.instead);
	snapshot_counts_release(&m.counts);
	(void)close(m.from);
	return code;
}
