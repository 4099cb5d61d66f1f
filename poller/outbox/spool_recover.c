/*
 * spool_recover: reads what earlier runs left in a spool, and checks every
 * line. A file with damaged lines is rewritten with the whole ones, and kept
 * aside if something of it is lost (spool_lost.c).
 */
#define _DEFAULT_SOURCE /* link */

#include "poller/outbox/spool_impl.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "poller/outbox/spool_line.h"

#define SUFFIX ".ndjson"
#define DIGITS 10

/* A whole line of a file, by its offset. */
struct spool_file_line {
	uint64_t number;
	size_t at, len; /* with its newline */
};

/* A file in memory. */
struct contents {
	struct spool_file *file;
	uint64_t end; /* numbers from there on are the next file's */
	struct buf bytes;
	struct spool_file_line *lines;
	size_t n, cap;
	size_t odd;  /* bytes that are no line of this file, before... */
	size_t tail; /* ...and behind its last line */
	bool mixed;  /* not in order */
};

char *
spool_path(const struct spool *b, uint64_t number)
{
	return xasprintf("%s/%0*" PRIu64 "%s", b->dir, DIGITS, number, SUFFIX);
}

/* "0000000012.ndjson": 12; 0: not a file of a spool. */
static uint64_t
spool_file_number(const char *name)
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

static int
by_file_number(const void *x, const void *y)
{
	const struct spool_file *a = x, *b = y;

	return a->number < b->number ? -1 : a->number > b->number;
}

static int
by_line_number(const void *x, const void *y)
{
	const struct spool_file_line *a = x, *b = y;

	return a->number < b->number ? -1 : a->number > b->number;
}

static int
list_spool_files(struct spool *b)
{
	DIR *d = opendir(b->dir);
	struct dirent *e;
	uint64_t number;

	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL) {
		number = spool_file_number(e->d_name);
		if (number == 0)
			continue;
		XGROW(b->files, b->n, b->cap);
		b->files[b->n++] = (struct spool_file){ .number = number };
	}
	(void)closedir(d);
	if (b->n > 0)
		qsort(b->files, b->n, sizeof *b->files, by_file_number);
	return 0;
}

/* Finds the whole lines of the file. */
static void
find_lines_of_file(struct contents *c)
{
	const char *p = buf_str(&c->bytes), *end = p + c->bytes.len;
	const char *nl, *record;
	struct spool_file_line line;
	size_t len;

	for (; p < end; p += line.len) {
		nl = memchr(p, '\n', (size_t)(end - p));
		line.at = (size_t)(p - c->bytes.data);
		line.len = (size_t)((nl != NULL ? nl + 1 : end) - p);
		if (nl == NULL ||
		    !spool_line_take(
			p, line.len - 1, &line.number, &record, &len) ||
		    line.number < c->file->number || line.number >= c->end) {
			c->tail += line.len;
			continue;
		}
		c->odd += c->tail;
		c->tail = 0;
		c->mixed |=
		    c->n > 0 && line.number <= c->lines[c->n - 1].number;
		XGROW(c->lines, c->n, c->cap);
		c->lines[c->n++] = line;
	}
	if (c->mixed)
		qsort(c->lines, c->n, sizeof *c->lines, by_line_number);
}

/* Counts what is lost up to the file's end; drops lines that come twice. */
static void
check_numbers(struct spool *b, struct contents *c)
{
	const struct spool_file_line *l;
	size_t i, n = 0;

	for (i = 0; i < c->n; i++) {
		l = &c->lines[i];
		if (n > 0 && l->number == c->lines[n - 1].number)
			continue;
		spool_lost_before(b, l->number);
		c->lines[n++] = *l;
	}
	c->n = n;
	b->lines += n;
	spool_lost_up_to(b,
	    c->end < UINT64_MAX ? c->end - 1 : b->mark.n[SPOOL_ACKNOWLEDGED]);
}

static int
write_spool_lines(struct contents *c, const char *name)
{
	int fd =
	    file_open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	int rc = fd < 0 ? -1 : 0;
	size_t i;

	c->file->safe = 0;
	for (i = 0; rc == 0 && i < c->n; i++) {
		rc = file_write_all(
		    fd, c->bytes.data + c->lines[i].at, c->lines[i].len);
		c->file->safe += c->lines[i].len;
	}
	if (rc == 0)
		rc = fsync(fd);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* Replaces the file by its whole lines, and keeps it under another name if
 * something of it is lost. */
static int
rewrite_file(struct spool *b, struct contents *c, const char *path, bool keep)
{
	char *name = xasprintf("%s.new", path);
	char *kept = xasprintf("%s.damaged", path);
	int rc = write_spool_lines(c, name);

	log_info("spool_repaired", "file=%s lines=%zu", path, c->n);
	if (rc == 0 && keep) {
		b->aside = true;
		rc = link(path, kept);
		if (rc != 0 && errno == EEXIST)
			rc = unlink(kept) != 0 ? -1 : link(path, kept);
	}
	if (rc == 0)
		rc = file_rename(name, path);
	free(kept);
	free(name);
	return rc;
}

/* What a crash left of lines that were never acknowledged. */
static int
cut_unacknowledged_tail(struct contents *c, const char *path)
{
	int fd = file_open(path, O_WRONLY | O_NOFOLLOW, 0), rc = -1;

	c->file->safe -= c->tail;
	log_info("spool_cut", "file=%s bytes=%zu", path, c->tail);
	if (fd >= 0 && ftruncate(fd, (off_t)c->file->safe) == 0)
		rc = fsync(fd);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static int
recover_file(struct spool *b, struct contents *c, const char *path)
{
	uint64_t lost = b->lost;
	bool whole;
	int rc = 0;

	find_lines_of_file(c);
	check_numbers(b, c);
	c->file->safe = c->bytes.len;
	/* Undamaged but for its end. */
	whole = c->odd == 0 && !c->mixed;
	if (whole && c->tail > 0 && c->end == UINT64_MAX && b->lost == lost &&
	    !b->mark_lost)
		rc = cut_unacknowledged_tail(c, path);
	else if (!whole || c->tail > 0)
		rc = rewrite_file(b, c, path, b->lost > lost || b->mark_lost);
	if (rc == 0 && c->n == 0) {
		c->file->safe = 0;
		rc = unlink(path);
	}
	return rc;
}

/* That version wrote records without numbers. */
static bool
is_of_earlier_version(const struct spool *b, const struct contents *c)
{
	static const char start[] = "{\"type\":";

	return b->mark.made &&
	       strncmp(buf_str(&c->bytes), start, sizeof start - 1) == 0;
}

static int
load_spool_file(struct spool *b, struct spool_file *p, uint64_t end,
    enum exit_code *code, struct buf *why)
{
	struct contents c = { .file = p, .end = end };
	char *path = spool_path(b, p->number);
	int rc = file_read_path(path, O_NOFOLLOW, &c.bytes);

	if (rc == 0 && is_of_earlier_version(b, &c)) {
		*code = PROG_CONFIG;
		buf_setf(why,
		    "'%s' is of an earlier version; start that one until it "
		    "has published it",
		    path);
		rc = -1;
	} else if (rc != 0 || recover_file(b, &c, path) != 0) {
		*code = syserr_explain(
		    why, PROG_IO, "cannot read or repair '%s'", path);
		rc = -1;
	}
	buf_release(&c.bytes);
	free(c.lines);
	free(path);
	return rc;
}

static int
load_spool_files(struct spool *b, enum exit_code *code, struct buf *why)
{
	size_t i, n = 0;
	uint64_t end;

	for (i = 0; i < b->n; i++) {
		end = i + 1 < b->n ? b->files[i + 1].number : UINT64_MAX;
		if (load_spool_file(b, &b->files[i], end, code, why) != 0) {
			b->n = 0; /* spool_close() removes none */
			return -1;
		}
		if (b->files[i].safe == 0)
			continue;
		b->bytes += b->files[i].safe;
		b->files[n++] = b->files[i];
	}
	b->n = n;
	return 0;
}

int
spool_recover(struct spool *b, enum exit_code *code, struct buf *why)
{
	uint64_t taken;

	if (list_spool_files(b) != 0)
		goto failed;
	taken = spool_lost_begin(b);
	if (load_spool_files(b, code, why) != 0)
		return -1;
	if (spool_lost_end(b, taken) != 0)
		goto failed;
	return 0;
failed:
	*code = syserr_explain(why, PROG_IO, "cannot use '%s'", b->dir);
	return -1;
}
