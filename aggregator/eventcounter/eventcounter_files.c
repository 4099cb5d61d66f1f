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

#include "aggregator/eventcounter/eventcounter_event.h"

struct user_count {
	struct text user;
	uint64_t n;
};

static int
compare_users(const void *a, const void *b)
{
	const struct user_count *x = a, *y = b;

	return text_compare(x->user, y->user);
}

/* The counts of that event in the order of the users; owned. */
static struct user_count *
sort_counts(const struct model *m, const char *event, size_t *n)
{
	struct user_count *sorted = xcalloc(m->events_n + 1, sizeof *sorted);
	const struct event_count *e;
	size_t i;

	*n = 0;
	for (i = 0; i < m->events_n; i++) {
		e = m->events[i];
		if (e->count > 0 && text_is(model_name(m, e->event), event))
			sorted[(*n)++] =
			    (struct user_count){ model_name(m, e->user),
				    e->count };
	}
	qsort(sorted, *n, sizeof *sorted, compare_users);
	return sorted;
}

static void
format_counts(const struct user_count *sorted, size_t n, struct buf *to)
{
	size_t i;

	buf_clear(to);
	buf_addc(to, '{');
	for (i = 0; i < n; i++) {
		buf_adds(to, i > 0 ? ",\n  " : "\n  ");
		jsonw_quote(to, sorted[i].user.p, sorted[i].user.len);
		buf_adds(to, ": ");
		buf_addi(to, (int64_t)sorted[i].n);
	}
	buf_adds(to, "\n}");
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
files_write(const char *dir, const struct model *m, struct buf *why)
{
	struct buf content = BUF_INIT;
	struct user_count *sorted;
	int rc = 0;
	size_t i, n;

	for (i = 0; i < EVENT_TYPES && rc == 0; i++) {
		sorted = sort_counts(m, event_type_names[i], &n);
		format_counts(sorted, n, &content);
		if (n > 0)
			rc = replace_file(
			    dir, event_type_names[i], &content, why);
		free(sorted);
	}
	buf_release(&content);
	return rc;
}
