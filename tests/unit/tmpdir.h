/*
 * tmpdir: a private folder for tests that need files: set-up and tear-down of a
 * cmocka group. The tests work inside the folder, so names are short and
 * nothing is left elsewhere.
 *
 * The code is in the header because each test is one file.
 */
#ifndef TESTS_UNIT_TMPDIR_H
#define TESTS_UNIT_TMPDIR_H

#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/xalloc.h"

static inline int
tmpdir_enter(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = xasprintf("%s/unit.XXXXXX", tmp != NULL ? tmp : "/tmp");

	*state = mkdtemp(dir);
	return *state == NULL ? -1 : chdir(dir);
}

/* Removes every file in the folder, but not the folders in it. */
static inline void
tmpdir_empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
}

static inline int
tmpdir_leave(void **state)
{
	int rc;

	tmpdir_empty(*state);
	rc = chdir("/") != 0 || rmdir(*state) != 0 ? -1 : 0;
	free(*state);
	return rc;
}

static inline void
tmpdir_file(const char *name, const void *data, size_t len, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

/* Captures the output to standard error; the text ends with NUL. */
static inline int
tmpdir_catch_stderr(void)
{
	int saved = dup(STDERR_FILENO);
	int fd = open("stderr", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(fd), 0);
	return saved;
}

static inline void
tmpdir_stderr(int saved, char *text, size_t size)
{
	ssize_t n = pread(STDERR_FILENO, text, size - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(saved), 0);
}

#endif
