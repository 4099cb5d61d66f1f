/*
 * statefile: see statefile.h. The first line is
 *
 *   messaging-state 2 CHECKSUM LENGTH
 *
 * with the checksum (64 bits, hexadecimal) of what follows. One writer at a
 * time is assumed (lock.h); its temporary file is PATH.new, which the next
 * write replaces, so that nothing piles up however often it is killed.
 */
#include "common/os/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/digest/checksum.h"
#include "common/os/file.h"

#define NAME "messaging-state "
#define NAME_LEN (sizeof NAME - 1)
#define MAGIC NAME "2 "
#define HEAD_MAX 64
#define CONTENT_MAX ((size_t)64 * 1024 * 1024)

/* The whole temporary file, synced; -1 with errno. */
static int
write_temporary(const char *name, const char *data, size_t len)
{
	char head[HEAD_MAX];
	int fd, n, err;

	n = snprintf(head, sizeof head, MAGIC "%016" PRIx64 " %zu\n",
	    checksum(0, data, len), len);
	fd = file_open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	if (file_write_all(fd, head, (size_t)n) != 0 ||
	    file_write_all(fd, data, len) != 0 || fsync(fd) != 0) {
		err = errno;
		(void)close(fd);
		errno = err;
		return -1;
	}
	return close(fd);
}

int
statefile_write(const char *path, const void *data, size_t len, struct buf *why)
{
	char *name = xasprintf("%s" STATEFILE_NEW, path);
	int rc = -1, err;

	if (write_temporary(name, data, len) == 0)
		rc = file_rename(name, path);
	err = errno;
	if (rc != 0) {
		(void)unlink(name);
		errno = err;
		(void)syserr_explain(
		    why, PROG_CANTCREATE, "cannot write '%s'", path);
	}
	free(name);
	errno = err;
	return rc;
}

/* Length of the first line, newline included; 0 when checksum or length do not
 * match. */
static size_t
head_length(const struct buf *b)
{
	char want[HEAD_MAX];
	const char *data = buf_str(b), *nl;
	size_t head;
	int n;

	nl = memchr(data, '\n', b->len < HEAD_MAX ? b->len : HEAD_MAX);
	if (nl == NULL)
		return 0;
	head = (size_t)(nl - data) + 1;
	n = snprintf(want, sizeof want, MAGIC "%016" PRIx64 " %zu\n",
	    checksum(0, data + head, b->len - head), b->len - head);
	if ((size_t)n != head || memcmp(want, data, head) != 0)
		return 0;
	return head;
}

static bool
is_other_version(const struct buf *b)
{
	const char *text = buf_str(b);

	return strncmp(text, MAGIC, NAME_LEN) == 0 &&
	       strncmp(text, MAGIC, strlen(MAGIC)) != 0;
}

int
statefile_read(const char *path, struct buf *content, struct buf *why)
{
	struct buf all = { .max = CONTENT_MAX };
	size_t head;
	int fd, rc = -1, err = 0;

	fd = file_open(path, O_RDONLY, 0);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || file_read_all(fd, &all) != 0) {
		err = errno;
		(void)syserr_explain(
		    why, PROG_NOINPUT, "cannot read '%s'", path);
		goto out;
	}
	head = head_length(&all);
	if (head == 0) {
		buf_setf(why, "'%s' is %s; remove it to start without it", path,
		    is_other_version(&all) ? "of a version that is not known"
					   : "damaged");
		goto out;
	}
	buf_clear(content);
	buf_add(content, all.data + head, all.len - head);
	rc = 1;
out:
	buf_release(&all);
	if (fd >= 0)
		(void)close(fd);
	errno = err;
	return rc;
}
