/*
 * staging_spool: writes and reads spools; staging_spool.h has their format.
 */
#define _GNU_SOURCE /* memmem */
#include "aggregator/snapshot/staging_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"

#define HEAD "messaging-spool 3\n"
#define MAGIC "messaging-spool "
#define PAD 64
/* "@ BYTES CHECKSUM ". */
#define PIECE_HEAD_MAX ((size_t)64)

static int
append_piece(int fd, const char *path, off_t size, const struct buf *lines)
{
	struct buf head = BUF_INIT;
	int rc = 0;

	if (size == 0 && (file_write_all(fd, HEAD, strlen(HEAD)) == -1 ||
			     file_sync_folder_of(path) == -1))
		return -1;
	buf_addf(&head, "@ %zu %016" PRIx64 " \n", lines->len,
	    checksum(0, lines->data, lines->len));
	if (file_write_all(fd, head.data, head.len) == -1 ||
	    file_write_all(fd, lines->data, lines->len) == -1)
		rc = -1;
	buf_release(&head);
	if (rc == -1)
		return -1;
	/* Commit point: these lines need not come again. */
	return fdatasync(fd);
}

int
staging_spool_append(const char *path, const struct buf *lines, struct buf *why)
{
	int fd = file_open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	struct stat st;
	int rc = -1, err;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		rc = append_piece(fd, path, st.st_size, lines);
		err = errno;
		/* A part of a piece would stand between those that follow. */
		if (rc == -1 && ftruncate(fd, st.st_size) == -1)
			log_error("cannot cut '%s' back: %s; %s", path,
			    log_errno(errno), syserr_way_out(errno));
		errno = err;
	}
	if (rc == -1)
		(void)syserr_explain(
		    why, PROG_CANTCREATE, "cannot write '%s'", path);
	err = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = err;
	return rc;
}

/* The first line of a piece, parsed. */
struct piece_head {
	uint64_t checksum;
	size_t len, head_len;
};

/* The next word of *s as a number to the base; -1 if it is none. */
static int
parse_number_word(char **s, int base, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(*s, &end, base);
	if (end == *s || *end != ' ' || errno != 0)
		return -1;
	*s = end + 1;
	return 0;
}

/* 1; 0: the file ends before the head does; -1: it is not a head. */
static int
parse_piece_head(char *data, size_t left, struct piece_head *p)
{
	char *nl = memchr(data, '\n', left);
	char *s = data + 2;
	uint64_t len;

	if (nl == NULL)
		return left <= PIECE_HEAD_MAX ? 0 : -1;
	*nl = '\0';
	if (strncmp(data, "@ ", 2) != 0 ||
	    parse_number_word(&s, 10, &len) == -1 ||
	    parse_number_word(&s, 16, &p->checksum) == -1)
		return -1;
	p->len = (size_t)len;
	p->head_len = (size_t)(nl - data) + 1;
	return 1;
}

static int
read_piece_lines(const struct staging_spool_reader *r, char *data, size_t len)
{
	char *end = data + len, *nl;

	for (; data < end; data = nl + 1) {
		nl = memchr(data, '\n', (size_t)(end - data));
		if (nl == NULL)
			return -1;
		if (r->line(r->ctx, data, (size_t)(nl - data)) == -1)
			return -1;
	}
	return 0;
}

/* True if a whole piece begins anywhere in these bytes: then what stands before
 * was not the last piece, whatever its length says. */
static bool
has_piece_behind(const char *data, size_t len)
{
	static const char next[] = "\n@ ";
	char head[PIECE_HEAD_MAX];
	const char *at = data, *end = data + len;
	struct piece_head p;
	size_t left;

	while ((at = memmem(at, (size_t)(end - at), next, 3)) != NULL) {
		at++;
		left = (size_t)(end - at);
		memcpy(head, at, left < sizeof head ? left : sizeof head);
		if (parse_piece_head(head,
			left < sizeof head ? left : sizeof head, &p) == 1 &&
		    p.len <= left - p.head_len &&
		    checksum(0, at + p.head_len, p.len) == p.checksum)
			return true;
	}
	return false;
}

/* Reads the pieces in data; *whole is where the last whole one ends. */
static int
read_pieces(
    char *data, size_t len, const struct staging_spool_reader *r, size_t *whole)
{
	struct piece_head p;
	char *body;
	int got;

	while (*whole < len) {
		got = parse_piece_head(data + *whole, len - *whole, &p);
		if (got <= 0)
			return got;
		body = data + *whole + p.head_len;
		if (p.len > len - *whole - p.head_len)
			return has_piece_behind(body, len - *whole - p.head_len)
				   ? -1
				   : 0;
		/* Of the last piece not all bytes may have been written. */
		if (checksum(0, body, p.len) != p.checksum)
			return *whole + p.head_len + p.len == len ? 0 : -1;
		if (read_piece_lines(r, body, p.len) == -1)
			return -1;
		*whole += p.head_len + p.len;
	}
	return 0;
}

/* Reads the whole file, with PAD zeros behind it. -1 with errno. */
static int
read_whole_spool(const char *path, struct buf *b, int *fd)
{
	struct stat st;
	char *room;
	ssize_t n;

	*fd = file_open(path, O_RDWR, 0);
	if (*fd < 0 || fstat(*fd, &st) == -1)
		return -1;
	room = buf_room(b, (size_t)st.st_size + PAD);
	memset(room + st.st_size, 0, PAD);
	while (b->len < (size_t)st.st_size) {
		n = read(*fd, b->data + b->len, (size_t)st.st_size - b->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		buf_grown(b, (size_t)n);
	}
	return 0;
}

/* Cuts the file, of len bytes, to its first size bytes. */
static int
truncate_spool(
    const char *path, int fd, size_t len, size_t size, struct buf *why)
{
	log_info("spool_cut", "file=%s bytes=%zu", path, len - size);
	if (ftruncate(fd, (off_t)size) == 0)
		return 0;
	(void)syserr_explain(why, PROG_CANTCREATE, "cannot cut '%s'", path);
	return -1;
}

static int
read_staging_file(const char *path, int fd, struct buf *b,
    const struct staging_spool_reader *r, struct buf *why)
{
	size_t head = strlen(HEAD), whole = 0;

	/* The process died while it made the file: nothing is in it. */
	if (b->len < head && memcmp(b->data, HEAD, b->len) == 0)
		return b->len > 0 ? truncate_spool(path, fd, b->len, 0, why)
				  : 0;
	if (b->len < head || memcmp(b->data, HEAD, head) != 0) {
		bool ours = strncmp(b->data, MAGIC, strlen(MAGIC)) == 0;

		buf_setf(why,
		    ours ? "'%s' was written by another version; remove it, "
			   "the next snapshot replaces it"
			 : "'%s' is not a spool; remove it",
		    path);
		errno = 0;
		return -1;
	}
	if (read_pieces(b->data + head, b->len - head, r, &whole) == -1) {
		buf_setf(why,
		    "'%s' is damaged at byte %zu; remove it, the next "
		    "snapshot replaces it",
		    path, head + whole);
		errno = 0;
		return -1;
	}
	if (head + whole < b->len &&
	    truncate_spool(path, fd, b->len, head + whole, why) == -1)
		return -1;
	return whole > 0 ? 1 : 0;
}

int
staging_spool_read(
    const char *path, const struct staging_spool_reader *r, struct buf *why)
{
	struct buf b = BUF_INIT;
	int fd = -1, rc, err;

	if (read_whole_spool(path, &b, &fd) == 0) {
		rc = read_staging_file(path, fd, &b, r, why);
	} else if (errno == ENOENT) {
		rc = 0;
	} else {
		(void)syserr_explain(
		    why, PROG_CANTCREATE, "cannot read '%s'", path);
		rc = -1;
	}
	err = errno;
	if (fd >= 0)
		(void)close(fd);
	buf_release(&b);
	errno = err;
	return rc;
}
