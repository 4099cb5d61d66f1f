/*
 * secret: see secret.h. What is read here is checked to be one printable
 * word or sentence, because it ends up in the header of a request.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "common/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"

/* As much of fd as fits; -1 with errno. */
static ssize_t
read_some(int fd, char *data, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size) {
		n = read(fd, data + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

/* The length of the first line without trailing blanks, or -1 and *why. */
static ssize_t
first_line(const char *data, size_t len, const char *path, struct buf *why)
{
	const char *nl = memchr(data, '\n', len);
	size_t i;

	if (nl != NULL)
		len = (size_t)(nl - data);
	while (len > 0 && strchr(" \t\r", data[len - 1]) != NULL &&
	       data[len - 1] != '\0')
		len--;
	if (len == 0) {
		buf_setf(why, "the first line of '%s' is empty", path);
		return -1;
	}
	if (len > SECRET_MAX) {
		buf_setf(why, "the first line of '%s' is longer than %d bytes",
		    path, SECRET_MAX);
		return -1;
	}
	for (i = 0; i < len; i++) {
		if ((unsigned char)data[i] < ' ' || data[i] == 0x7f) {
			buf_setf(why, "'%s' holds a control character", path);
			return -1;
		}
	}
	return (ssize_t)len;
}

void
secret_warn_if_open(int fd, const char *path)
{
	struct stat st;

	/* The group may read: root:group 0640 is how a service gets its
	 * secret, and cron would mail the warning every minute. */
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		log_warn("others may read the secret in '%s'; run chmod 600 on "
			 "it",
		    path);
}

char *
secret_from_file(const char *path, struct buf *why)
{
	char data[SECRET_MAX + 256]; /* room for trailing blanks */
	char *secret = NULL;
	ssize_t n = -1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		n = read_some(fd, data, sizeof data);
	if (n < 0) {
		buf_setf(why, "cannot read '%s': %s; check its name and mode",
		    path, log_errno(errno));
		goto out;
	}
	n = first_line(data, (size_t)n, path, why);
	if (n < 0)
		goto out;
	secret_warn_if_open(fd, path);
	secret = xstrndup(data, (size_t)n);
out:
	explicit_bzero(data, sizeof data);
	if (fd >= 0)
		(void)close(fd);
	return secret;
}

char *
secret_from_env(const char *name)
{
	char *value = getenv(name), *secret = NULL;

	if (value == NULL)
		return NULL;
	if (value[0] != '\0') {
		secret = xstrdup(value);
		/* unsetenv() leaves the bytes where /proc shows them. */
		explicit_bzero(value, strlen(value));
	}
	(void)unsetenv(name);
	return secret;
}

void
secret_free(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}
