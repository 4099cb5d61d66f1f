/*
 * spool_load: what earlier runs left in a spool. Every line is looked at.
 * A file with lines that are not as they were written is written anew with
 * those that are, and kept aside if something of it is lost.
 *
 * What is lost is known from the numbers: from the first that was not taken to
 * the last that was acknowledged each must be there. Only what is at the end
 * of the last file and above that is a write that was cut by a crash: nobody
 * was told that it is safe.
 */
#define _DEFAULT_SOURCE /* link */

#include "poller/spool/spool_impl.h"

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
#include "poller/spool/spool_line.h"

#define SUFFIX ".ndjson"
#define DIGITS 10

/* A whole line of a file. */
struct line {
	uint64_t number;
	size_t at, len; /* with its newline */
};

/* A file as it is read. */
struct contents {
	struct part *part;
	uint64_t end; /* numbers from there on are the next file's */
	struct buf bytes;
	struct line *lines;
	size_t n, cap;
	size_t odd;  /* bytes that are no line that belongs there, before... */
	size_t tail; /* ...those behind its last line */
	bool mixed;  /* not in order */
};

char *
spool_path(const struct spool *b, uint64_t number)
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

static int
by_part(const void *x, const void *y)
{
	const struct part *a = x, *b = y;

	return a->number < b->number ? -1 : a->number > b->number;
}

static int
by_line(const void *x, const void *y)
{
	const struct line *a = x, *b = y;

	return a->number < b->number ? -1 : a->number > b->number;
}

static int
list_files(struct spool *b)
{
	DIR *d = opendir(b->dir);
	struct dirent *e;
	uint64_t number;

	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL) {
		number = number_of(e->d_name);
		if (number == 0)
			continue;
		XGROW(b->parts, b->n, b->cap);
		b->parts[b->n++] = (struct part){ .number = number };
	}
	(void)closedir(d);
	if (b->n > 0)
		qsort(b->parts, b->n, sizeof *b->parts, by_part);
	return 0;
}

static int
read_file(const char *path, struct buf *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = -1;

	if (fd >= 0)
		rc = file_read_all(fd, bytes);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* Finds its lines. */
static void
take_lines(struct contents *c)
{
	const char *p = buf_str(&c->bytes), *end = p + c->bytes.len;
	const char *nl, *record;
	struct line line;
	size_t len;

	for (; p < end; p += line.len) {
		nl = memchr(p, '\n', (size_t)(end - p));
		line.at = (size_t)(p - c->bytes.data);
		line.len = (size_t)((nl != NULL ? nl + 1 : end) - p);
		if (nl == NULL ||
		    !spool_line_take(
			p, line.len - 1, &line.number, &record, &len) ||
		    line.number < c->part->number || line.number >= c->end) {
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
		qsort(c->lines, c->n, sizeof *c->lines, by_line);
}

/* All numbers up to this one are past: who has not come is lost. */
static void
pass_up_to(struct spool *b, uint64_t last)
{
	if (b->number > last)
		return;
	if (b->lost == 0)
		b->lost_first = b->number;
	b->lost += last - b->number + 1;
	b->lost_last = last;
	b->number = last + 1;
}

/* What comes twice is dropped. */
static void
number_lines(struct spool *b, struct contents *c)
{
	const struct line *l;
	size_t i, n = 0;

	for (i = 0; i < c->n; i++) {
		l = &c->lines[i];
		if (n > 0 && l->number == c->lines[n - 1].number)
			continue;
		if (l->number > b->number)
			pass_up_to(b, l->number - 1);
		if (l->number == b->number)
			b->number++;
		c->lines[n++] = *l;
	}
	c->n = n;
	b->lines += n;
	pass_up_to(b,
	    c->end < UINT64_MAX ? c->end - 1 : b->mark.n[SPOOL_ACKNOWLEDGED]);
}

static int
write_lines(struct contents *c, const char *name)
{
	int fd = open(
	    name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = fd < 0 ? -1 : 0;
	size_t i;

	c->part->safe = 0;
	for (i = 0; rc == 0 && i < c->n; i++) {
		rc = file_write_all(
		    fd, c->bytes.data + c->lines[i].at, c->lines[i].len);
		c->part->safe += c->lines[i].len;
	}
	if (rc == 0)
		rc = fsync(fd);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* Its lines take the place of the file, which is kept under another name if
 * something of it is lost. */
static int
write_anew(struct spool *b, struct contents *c, const char *path, bool keep)
{
	char *name = xasprintf("%s.new", path);
	char *kept = xasprintf("%s.damaged", path);
	int rc = write_lines(c, name);

	log_info("spool_mended", "file=%s lines=%zu", path, c->n);
	if (rc == 0 && keep) {
		b->aside = true;
		rc = link(path, kept);
		if (rc != 0 && errno == EEXIST)
			rc = unlink(kept) != 0 ? -1 : link(path, kept);
	}
	if (rc == 0)
		rc = rename(name, path);
	if (rc == 0)
		rc = file_sync_folder_of(path);
	free(kept);
	free(name);
	return rc;
}

/* What a crash left of lines that nobody was told of. */
static int
cut_tail(struct contents *c, const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), rc = -1;

	c->part->safe -= c->tail;
	log_info("spool_cut", "file=%s bytes=%zu", path, c->tail);
	if (fd >= 0 && ftruncate(fd, (off_t)c->part->safe) == 0)
		rc = fsync(fd);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static int
take_file(struct spool *b, struct contents *c, const char *path)
{
	uint64_t lost = b->lost;
	bool whole;
	int rc = 0;

	take_lines(c);
	number_lines(b, c);
	c->part->safe = c->bytes.len;
	/* As it was written, but for its end. */
	whole = c->odd == 0 && !c->mixed;
	if (whole && c->tail > 0 && c->end == UINT64_MAX && b->lost == lost &&
	    !b->mark_lost)
		rc = cut_tail(c, path);
	else if (!whole || c->tail > 0)
		rc = write_anew(b, c, path, b->lost > lost || b->mark_lost);
	if (rc == 0 && c->n == 0) {
		c->part->safe = 0;
		rc = unlink(path);
	}
	return rc;
}

/* Before there were numbers. */
static bool
is_of_earlier_version(const struct spool *b, const struct contents *c)
{
	static const char start[] = "{\"type\":";

	return b->mark.made &&
	       strncmp(buf_str(&c->bytes), start, sizeof start - 1) == 0;
}

static int
load_file(struct spool *b, struct part *p, uint64_t end, enum exit_code *code,
    struct buf *why)
{
	struct contents c = { .part = p, .end = end };
	char *path = spool_path(b, p->number);
	int rc = read_file(path, &c.bytes);

	if (rc == 0 && is_of_earlier_version(b, &c)) {
		*code = PROG_CONFIG;
		buf_setf(why,
		    "'%s' is of an earlier version; start that one until it "
		    "has published it",
		    path);
		rc = -1;
	} else if (rc != 0 || take_file(b, &c, path) != 0) {
		*code = syserr_explain(
		    why, PROG_IO, "cannot read or mend '%s'", path);
		rc = -1;
	}
	buf_release(&c.bytes);
	free(c.lines);
	free(path);
	return rc;
}

/* One line about all that is lost. */
static void
tell(const struct spool *b)
{
	if (b->lost > 0)
		log_error("'%s' lacks %" PRIu64 " %s (numbers %" PRIu64
			  " to %" PRIu64 "): %s; %s",
		    b->dir, b->lost, b->kind->what, b->lost_first, b->lost_last,
		    b->aside ? "what was damaged is kept as *.damaged there"
			     : "files were cut, removed or put back",
		    b->kind->rest);
	else if (b->mark_lost)
		log_error(
		    "'%s/" SPOOL_MARK "' is %s: nobody can tell "
		    "whether %s are missing; if it was moved, put it back",
		    b->dir, b->mark.made ? "gone" : "damaged", b->kind->what);
}

/* What is told from now on goes by what is there; each number has two places.
 * -1: errno. */
static int
mark_anew(struct spool *b, uint64_t taken)
{
	struct spool_mark *m = &b->mark;
	uint64_t last = b->number - 1;
	int i, rc = 0;

	for (i = 0; rc == 0 && i < 2; i++) {
		rc = spool_mark_tell(m, SPOOL_ACKNOWLEDGED, last);
		if (rc == 0)
			rc = spool_mark_tell(
			    m, SPOOL_TAKEN, b->n > 0 ? taken : last);
	}
	return rc;
}

static int
load_files(struct spool *b, enum exit_code *code, struct buf *why)
{
	size_t i, n = 0;
	uint64_t end;

	for (i = 0; i < b->n; i++) {
		end = i + 1 < b->n ? b->parts[i + 1].number : UINT64_MAX;
		if (load_file(b, &b->parts[i], end, code, why) != 0) {
			b->n = 0; /* they stay as they are */
			return -1;
		}
		if (b->parts[i].safe == 0)
			continue;
		b->bytes += b->parts[i].safe;
		b->parts[n++] = b->parts[i];
	}
	b->n = n;
	return 0;
}

int
spool_load(struct spool *b, enum exit_code *code, struct buf *why)
{
	uint64_t taken = b->mark.n[SPOOL_TAKEN];

	if (list_files(b) != 0)
		goto failed;
	b->mark_lost = b->mark.damaged || (b->mark.made && b->n > 0);
	if (b->mark_lost && taken == 0 && b->n > 0)
		taken = b->parts[0].number - 1;
	b->number = taken + 1;
	if (load_files(b, code, why) != 0)
		return -1;
	pass_up_to(b, b->mark.n[SPOOL_ACKNOWLEDGED]);
	tell(b);
	if ((b->mark_lost || (b->n == 0 && b->lost > 0)) &&
	    mark_anew(b, taken) != 0)
		goto failed;
	return 0;
failed:
	*code = syserr_explain(why, PROG_IO, "cannot use '%s'", b->dir);
	return -1;
}
