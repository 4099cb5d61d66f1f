/*
 * counts_file: see counts_file.h.
 */
#include "reaper/files/counts_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/text/flat.h"
#include "common/text/json_text.h"
#include "common/text/jsonw.h"
#include "reaper/files/line_file.h"

#define BEGINNING "{\n"

struct file_count {
	struct text quoted; /* the user, as it stands there */
	int64_t n;
};

struct counts_file {
	const char *path;
	int fd;
	struct buf content;
	struct file_count *list; /* in the order of the users' bytes */
	size_t n, cap;
	struct flat flat;
};

bool
counts_file_is(const char *path)
{
	char head[sizeof BEGINNING - 1];
	int fd = line_reader_open(path);
	bool is = fd >= 0 &&
		  pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
		  memcmp(head, BEGINNING, sizeof head) == 0;

	if (fd >= 0)
		(void)close(fd);
	return is;
}

static bool
take_number(struct json_text *t, int64_t *n)
{
	const char *begin = t->p;

	for (*n = 0; text_is_digit(json_text_peek(t)); t->p++)
		if (__builtin_mul_overflow(*n, 10, n) ||
		    __builtin_add_overflow(*n, *t->p - '0', n))
			return false;
	return t->p > begin;
}

static bool
take_count(struct counts_file *f, struct json_text *t)
{
	struct file_count c;

	json_text_blanks(t);
	c.quoted.p = t->p;
	if (json_text_peek(t) != '"' || !json_text_string(t))
		return false;
	c.quoted.len = (size_t)(t->p - c.quoted.p);
	if (!json_text_colon(t) || !take_number(t, &c.n))
		return false;
	XGROW(f->list, f->n, f->cap);
	f->list[f->n++] = c;
	json_text_blanks(t);
	return true;
}

static bool
parse_counts(struct counts_file *f)
{
	struct json_text t = { .p = buf_str(&f->content) };

	t.end = t.p + f->content.len;
	do {
		t.p++;
		if (!take_count(f, &t))
			return false;
	} while (json_text_peek(&t) == ',');
	if (json_text_peek(&t) != '}')
		return false;
	t.p++;
	json_text_blanks(&t);
	return t.p == t.end;
}

/* locked: against others that forget somebody in it. */
static enum exit_code
open_counts(
    struct counts_file *f, const char *path, bool locked, struct buf *why)
{
	memset(f, 0, sizeof *f);
	f->path = path;
	f->fd = locked ? line_file_lock(path) : line_reader_open(path);
	if (f->fd < 0)
		return line_file_explain_lock(path, why);
	if (file_read_all(f->fd, &f->content) != 0)
		return syserr_explain(why, PROG_IO, "cannot read '%s'", path);
	if (parse_counts(f))
		return PROG_OK;
	buf_setf(why,
	    "'%s' begins as a file of counts, and is none; look at it", path);
	return PROG_DATA;
}

static void
close_counts(struct counts_file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f->list);
	buf_release(&f->content);
	flat_release(&f->flat);
}

/* The user behind the quotes; a program that rewrote the file may have
 * escaped more of it than the counter does. */
static struct text
plain_user(struct counts_file *f, struct text quoted)
{
	struct text user = { quoted.p + 1, quoted.len - 2 };

	if (memchr(user.p, '\\', user.len) != NULL)
		user.p = flat_unescape(&f->flat, user.p, &user.len);
	return user;
}

/* The number of the user, or n. */
static size_t
find_user(struct counts_file *f, const char *user)
{
	struct text wanted = { user, strlen(user) };
	size_t i = 0;

	while (i < f->n &&
	       text_compare(plain_user(f, f->list[i].quoted), wanted) != 0)
		i++;
	return i;
}

static bool
comes_before(struct counts_file *f, const char *user, struct text quoted)
{
	return text_compare((struct text){ user, strlen(user) },
		   plain_user(f, quoted)) < 0;
}

static void
add_count(struct buf *to, struct text quoted, int64_t n)
{
	buf_adds(to, to->len == 0 ? "{\n  " : ",\n  ");
	buf_add(to, quoted.p, quoted.len);
	buf_adds(to, ": ");
	buf_addi(to, n);
}

static void
write_counts(
    struct counts_file *f, size_t user, const char *alias, struct buf *to)
{
	size_t i, twin = find_user(f, alias);
	int64_t n = f->list[user].n + (twin < f->n ? f->list[twin].n : 0);
	struct buf quoted = BUF_INIT;
	bool written = false;

	jsonw_quote(&quoted, alias, strlen(alias));
	for (i = 0; i <= f->n; i++) {
		if (!written &&
		    (i == f->n || comes_before(f, alias, f->list[i].quoted))) {
			add_count(
			    to, (struct text){ quoted.data, quoted.len }, n);
			written = true;
		}
		if (i < f->n && i != user && i != twin)
			add_count(to, f->list[i].quoted, f->list[i].n);
	}
	buf_adds(to, "\n}");
	buf_release(&quoted);
}

/* With the mode of the old one, whatever the umask is, and by root, for its
 * owner. 0, or -1 with errno. */
static int
write_new_file(const char *name, int old, const struct buf *content)
{
	struct stat st;
	int err, fd;

	if (fstat(old, &st) != 0)
		return -1;
	fd = file_open(name, O_WRONLY | O_CREAT | O_EXCL, st.st_mode & 0777);
	if (fd < 0)
		return -1;
	if ((st.st_uid == geteuid() || fchown(fd, st.st_uid, st.st_gid) == 0) &&
	    fchmod(fd, st.st_mode & 0777) == 0)
		return file_write_and_close(fd, content->data, content->len);
	err = errno;
	(void)close(fd);
	errno = err;
	return -1;
}

static enum exit_code
exchange_counts(const struct counts_file *f, const char *name,
    const struct buf *content, struct buf *why)
{
	enum exit_code code = PROG_OK;

	if (write_new_file(name, f->fd, content) != 0) {
		code = syserr_explain(why, PROG_IO, "cannot make '%s'", name);
	} else if (file_is_at(f->fd, f->path, false) != 0) {
		buf_setf(why,
		    "'%s' was written to meanwhile; stop the counter, or try "
		    "again",
		    f->path);
		code = PROG_TEMPFAIL;
	} else if (file_rename(name, f->path) != 0) {
		code = syserr_explain(
		    why, PROG_IO, "cannot exchange '%s'", f->path);
	}
	if (code != PROG_OK)
		(void)unlink(name);
	return code;
}

enum exit_code
counts_file_look(const char *path, const char *user, bool *has, struct buf *why)
{
	struct counts_file f;
	enum exit_code code = open_counts(&f, path, false, why);

	*has = code == PROG_OK && find_user(&f, user) < f.n;
	close_counts(&f);
	return code;
}

enum exit_code
counts_file_rename(const char *path, const char *user, const char *alias,
    bool *has, struct buf *why)
{
	char *name = xasprintf("%s.forget", path);
	struct buf content = BUF_INIT;
	struct counts_file f;
	enum exit_code code = open_counts(&f, path, true, why);
	size_t i = code == PROG_OK ? find_user(&f, user) : f.n;

	*has = i < f.n;
	/* Of a run that was killed, with users who were not forgotten then. */
	if (code == PROG_OK)
		(void)unlink(name);
	if (*has) {
		write_counts(&f, i, alias, &content);
		code = exchange_counts(&f, name, &content, why);
	}
	buf_release(&content);
	close_counts(&f);
	free(name);
	return code;
}
