/*
 * secret: see secret.h. A secret must be one line of printable text, because it
 * becomes a header of a request.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "common/conf/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

/* Shorter secrets are not searched for in texts. */
#define CONCEAL_MIN 8

/* Reads fd until a newline, the end or `size` bytes; -1 with errno. */
static ssize_t
read_first_line(int fd, char *data, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size && memchr(data, '\n', len) == NULL) {
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

/* Returns the length of the first line without trailing spaces, or -1 and
 * *why. */
static ssize_t
first_line(const char *data, size_t len, const char *path, struct buf *why)
{
	const char *nl = memchr(data, '\n', len);

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
	if (!text_is_printable(data, len)) {
		buf_setf(why, "'%s' holds a control character", path);
		return -1;
	}
	return (ssize_t)len;
}

void
secret_warn_if_open(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	/* The group may read: services often get their secret in a file of
	 * root:group with mode 0640, and cron would mail the warning every
	 * minute. */
	if ((st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		log_warn("other users can read the secret in '%s'; run chmod "
			 "600 on it",
		    path);
	/* root may run programs manually with files of a service's user. */
	else if (geteuid() != 0 && st.st_uid != geteuid() && st.st_uid != 0)
		log_warn("the secret file '%s' belongs to another user; run "
			 "chown on it",
		    path);
}

char *
secret_from_file(const char *path, struct buf *why)
{
	char data[SECRET_MAX + 256] = ""; /* room for trailing blanks */
	char *secret = NULL;
	size_t skip;
	ssize_t n = -1;
	int fd, err = 0;

	/* O_NONBLOCK: opening a pipe must not wait for its writer, but reading
	 * may. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd >= 0 && fcntl(fd, F_SETFL, 0) == 0)
		n = read_first_line(fd, data, sizeof data);
	if (n < 0) {
		err = errno;
		buf_setf(why, "cannot read '%s'", path);
		file_add_cause(why, err, path);
		goto out;
	}
	skip = parse_utf8_mark(data, (size_t)n);
	n = first_line(data + skip, (size_t)n - skip, path, why);
	if (n < 0)
		goto out;
	secret_warn_if_open(fd, path);
	secret = xstrndup(data + skip, (size_t)n);
out:
	explicit_bzero(data, sizeof data);
	if (fd >= 0)
		(void)close(fd);
	errno = err;
	return secret;
}

char *
secret_choose(const char *section, const char *name, const char *plain,
    const char *file, struct buf *why)
{
	struct buf reason = BUF_INIT;
	char *secret = NULL;
	int err = 0;

	buf_clear(why);
	if (plain != NULL && file != NULL) {
		buf_setf(why, "[%s] has both %s and %s_file; remove one",
		    section, name, name);
	} else if (plain != NULL) {
		secret = xstrdup(plain);
	} else if (file != NULL) {
		secret = secret_from_file(file, &reason);
		err = errno;
		if (secret == NULL)
			buf_setf(why, "%s_file of [%s]: %s", name, section,
			    buf_str(&reason));
	}
	buf_release(&reason);
	errno = err;
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
		/* unsetenv() leaves the bytes in memory, where /proc shows
		 * them. */
		explicit_bzero(value, strlen(value));
	}
	(void)unsetenv(name);
	return secret;
}

void
secret_conceal(struct buf *text, const char *secret)
{
	size_t len = secret != NULL ? strlen(secret) : 0;
	char *old, *from, *at;

	if (len < CONCEAL_MIN || strstr(buf_str(text), secret) == NULL)
		return;
	old = xstrdup(buf_str(text));
	buf_clear(text);
	for (from = old; (at = strstr(from, secret)) != NULL; from = at + len) {
		buf_add(text, from, (size_t)(at - from));
		buf_adds(text, "***");
	}
	buf_adds(text, from);
	secret_free(old);
}

void
secret_free(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}
