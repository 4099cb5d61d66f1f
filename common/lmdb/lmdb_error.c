/*
 * lmdb_error: explains an error, or a crash inside LMDB caused by a damaged
 * file, in one line that also says what to do.
 */
#define _DEFAULT_SOURCE /* sigaction's flags */

#include "common/lmdb/lmdb_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/syserr.h"

/* A file system with less free space than this counts as full. */
#define FULL_BYTES ((unsigned long long)1 << 20)

void
lmdb_fail(struct lmdb_file *f, int err)
{
	if (f->rc == 0)
		f->rc = err;
}

void
lmdb_fail_damaged(struct lmdb_file *f, const char *fmt, ...)
{
	va_list ap;

	if (f->rc != 0)
		return;
	f->rc = MDB_CORRUPTED;
	va_start(ap, fmt);
	(void)vsnprintf(f->reason, sizeof f->reason, fmt, ap);
	va_end(ap);
}

bool
lmdb_failed(const struct lmdb_file *f)
{
	return f->rc != 0;
}

static bool
has_file_size_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 &&
	       limit.rlim_cur != RLIM_INFINITY;
}

/* LMDB reports EIO for a short write, whose cause is usually a full disk or a
 * limit. Returns the real errno, determined by the file system of path. */
static int
real_errno(int err, const char *path)
{
	struct statvfs fs;

	if (err != EIO)
		return err;
	if (statvfs(path, &fs) == 0 &&
	    (unsigned long long)fs.f_bavail * fs.f_frsize < FULL_BYTES)
		return ENOSPC;
	return has_file_size_limit() ? EFBIG : EIO;
}

enum exit_code
lmdb_explain(const struct lmdb_file *f, struct buf *why)
{
	const char *name = f->kind->name, *way_out = f->kind->way_out;

	switch (f->rc) {
	case 0:
		return PROG_OK;
	case MDB_MAP_FULL:
		buf_setf(why, "%s '%s' is full at %zu MiB; %s", name, f->path,
		    f->limit >> 20, f->kind->full);
		return PROG_IO;
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
		buf_setf(why, "%s '%s' was written by another version; %s",
		    name, f->path, way_out);
		return f->kind->damaged;
	case MDB_READERS_FULL:
		buf_setf(why, "too many processes read %s '%s'; try again",
		    name, f->path);
		return PROG_TEMPFAIL;
	case EINVAL: /* LMDB's error for some corrupt pages */
		break;
	default:
		/* Without a limit, no page that LMDB chooses is too far away
		 * for the file system: the number of a free page is wrong. */
		if (f->rc > 0 && (f->rc != EFBIG || has_file_size_limit())) {
			errno = real_errno(f->rc, f->path);
			return syserr_explain(why, PROG_CANTCREATE,
			    "cannot use %s '%s'", name, f->path);
		}
	}
	buf_setf(why, "%s '%s' is damaged: %s; %s", name, f->path,
	    f->reason[0] != '\0' ? f->reason : mdb_strerror(f->rc), way_out);
	return f->kind->damaged;
}

/* ---- the guard ---- */

static _Thread_local const char *volatile guard_text;
static _Thread_local volatile sig_atomic_t guard_code;

static void
write_text(const char *text)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

	(void)ignored;
}

static void
die_if_guarded(void)
{
	if (guard_text == NULL)
		return;
	write_text(prog_name());
	write_text(": ");
	write_text(guard_text);
	write_text("\n");
	_exit(guard_code);
}

/* The kernel delivers both signals to the thread that made the access. */
static void
on_crash(int signo)
{
	die_if_guarded();
	(void)signal(signo, SIG_DFL);
	(void)raise(signo);
}

static void
on_assertion(MDB_env *env, const char *text)
{
	(void)env;
	die_if_guarded();
	prog_die(PROG_SOFTWARE, "LMDB: %s", text);
}

static void
install_handlers(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS };
	struct sigaction action = { .sa_handler = on_crash };
	size_t i;

	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < sizeof signals / sizeof *signals; i++)
		(void)sigaction(signals[i], &action, NULL);
}

void
lmdb_guard(const struct lmdb_file *f)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, install_handlers);
	guard_code = (sig_atomic_t)f->kind->damaged;
	guard_text = f->crash;
}

void
lmdb_guard_end(void)
{
	guard_text = NULL;
}

void
lmdb_guard_env(MDB_env *env)
{
	(void)mdb_env_set_assert(env, on_assertion);
}
