/*
 * eventcounter_files: see eventcounter_files.h.
 */
#include "aggregator/eventcounter/eventcounter_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/text/jsonw.h"

static int
compare_users(const void *a, const void *b)
{
	const struct user_count *x = *(const struct user_count *const *)a;
	const struct user_count *y = *(const struct user_count *const *)b;

	return text_compare((struct text){ x->user, x->user_len },
	    (struct text){ y->user, y->user_len });
}

static void
format_counts(const struct type_counts *t, struct buf *to)
{
	const struct user_count **sorted =
	    xcalloc(t->users.live, sizeof *sorted);
	const struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(&t->users, &i)) != NULL)
		sorted[n++] = e->value;
	qsort(sorted, n, sizeof *sorted, compare_users);
	buf_clear(to);
	buf_addc(to, '{');
	for (i = 0; i < n; i++) {
		buf_adds(to, i > 0 ? ",\n  " : "\n  ");
		jsonw_quote(to, sorted[i]->user, sorted[i]->user_len);
		buf_adds(to, ": ");
		buf_addi(to, sorted[i]->n);
	}
	buf_adds(to, "\n}");
	free(sorted);
}

/* Writes and syncs the file. 0, or -1 with errno. */
static int
write_synced_file(const char *path, const struct buf *content)
{
	int fd = file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	return fd < 0 ? -1
		      : file_write_and_close(fd, content->data, content->len);
}

static int
replace_file(const char *dir, const char *name, const struct buf *content,
    struct buf *why)
{
	char *path = xasprintf("%s/%s.json", dir, name);
	/* Two processes may write into one folder. */
	char *fresh = xasprintf("%s/.%s.json.%ld", dir, name, (long)getpid());
	int rc = write_synced_file(fresh, content), err;

	if (rc == 0)
		rc = file_rename(fresh, path);
	if (rc != 0) {
		(void)syserr_explain(
		    why, PROG_CANTCREATE, "cannot write '%s'", path);
		err = errno;
		(void)unlink(fresh);
		errno = err;
	}
	free(path);
	free(fresh);
	return rc;
}

/* A new file of a process that is gone; one of its own number ran before. */
static bool
is_left(const char *name)
{
	char before[32];
	int64_t pid;
	size_t i, len;

	for (i = 0; i < EVENT_TYPES; i++) {
		len = (size_t)snprintf(
		    before, sizeof before, ".%s.json.", event_type_names[i]);
		if (strncmp(name, before, len) == 0 &&
		    parse_int(name + len, 1, INT_MAX, &pid) == 0)
			return pid == getpid() ||
			       (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
	}
	return false;
}

void
files_clear(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_left(e->d_name))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
}

int
files_check(const char *dir, struct buf *why)
{
	struct stat st;

	if (mkdir(dir, 0777) == 0)
		return 0;
	if (errno == EEXIST && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	if ((errno == EEXIST) && access(dir, W_OK | X_OK) == 0)
		return 0;
	(void)syserr_explain(
	    why, PROG_CANTCREATE, "cannot write into --json-dir '%s'", dir);
	return -1;
}

int
files_write(const char *dir, const struct event_counts *counts, struct buf *why)
{
	struct buf content = BUF_INIT;
	int rc = 0;
	size_t i;

	for (i = 0; i < EVENT_TYPES && rc == 0; i++) {
		if (counts->by_type[i].users.live == 0)
			continue;
		format_counts(&counts->by_type[i], &content);
		rc = replace_file(dir, event_type_names[i], &content, why);
	}
	buf_release(&content);
	return rc;
}
