/*
 * state_error: explains an error of a state in one line, with the way out. And
 * catches a crash inside LMDB, which trusts its file: of a page that is cut off
 * or damaged while it is open, or of one that leads out of the map.
 */
#define _DEFAULT_SOURCE /* sigaction's flags */

#include "aggregator/state/state_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"

#define DAMAGED                                                                \
	"state '%s' is damaged: %s; put a copy of the whole folder back, or "  \
	"remove the file and replay what is within the window"

/* The line that reports a crash inside LMDB. */
static char crash_line[1024];
static volatile sig_atomic_t guarded;

void
state_fail(struct state *s, int rc)
{
	if (s->rc == 0)
		s->rc = rc;
}

void
state_fail_damaged(struct state *s, const char *fmt, ...)
{
	va_list ap;

	if (s->rc != 0)
		return;
	s->rc = MDB_CORRUPTED;
	va_start(ap, fmt);
	(void)vsnprintf(s->reason, sizeof s->reason, fmt, ap);
	va_end(ap);
}

void
state_set_damaged(struct state *s)
{
	state_fail_damaged(s, "its entries contradict each other");
}

bool
state_failed(const struct state *s)
{
	return s->rc != 0;
}

static enum exit_code
explain_full(const struct state *s, struct buf *why)
{
	if (s->map < s->limit) {
		buf_setf(why,
		    "state '%s' needs more room at once than it has of %zu "
		    "MiB of addresses; raise what limits them (ulimit -v)",
		    s->path, s->map >> 20);
		return PROG_TEMPFAIL;
	}
	buf_setf(why,
	    "state '%s' is full: it has reached %zu MiB; raise [aggregator] "
	    "state_limit, or lower the window",
	    s->path, s->limit >> 20);
	return PROG_IO;
}

static enum exit_code
explain_errno(const struct state *s, struct buf *why)
{
	errno = syserr_written(s->rc, s->dir);
	if (s->rc != ENOMEM || s->env == NULL)
		return syserr_explain(
		    why, PROG_CANTCREATE, "cannot use state '%s'", s->path);
	buf_setf(why,
	    "cannot map state '%s': %s; it needs %zu MiB of addresses: raise "
	    "what limits them (ulimit -v)",
	    s->path, log_errno(s->rc), s->map >> 20);
	return PROG_TEMPFAIL;
}

enum exit_code
state_explain(const struct state *s, struct buf *why)
{
	if (s->rc > 0)
		return explain_errno(s, why);
	if (s->rc == MDB_MAP_FULL)
		return explain_full(s, why);
	if (s->rc == MDB_VERSION_MISMATCH || s->rc == MDB_INCOMPATIBLE)
		buf_setf(why,
		    "state '%s' is of a version this program does not know; "
		    "choose another folder with --state",
		    s->path);
	else
		buf_setf(why, DAMAGED, s->path,
		    s->reason[0] != '\0' ? s->reason : mdb_strerror(s->rc));
	return PROG_DATA;
}

static void
die_damaged(void)
{
	ssize_t ignored = write(STDERR_FILENO, crash_line, strlen(crash_line));

	(void)ignored;
	_exit(PROG_DATA);
}

static void
on_crash(int signo)
{
	if (guarded)
		die_damaged();
	(void)signal(signo, SIG_DFL);
	(void)raise(signo);
}

static void
on_lmdb_assertion(MDB_env *env, const char *text)
{
	(void)env;
	(void)text;
	die_damaged();
}

void
state_guard(bool on)
{
	guarded = on;
}

void
state_prepare_guard(const struct state *s)
{
	static const int signals[] = { SIGSEGV, SIGBUS };
	struct sigaction action = { .sa_handler = on_crash };
	size_t i;

	(void)snprintf(crash_line, sizeof crash_line, "%s: " DAMAGED "\n",
	    prog_name(), s->path, "it is cut short, or its pages are wrong");
	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < ARRAY_LEN(signals); i++)
		(void)sigaction(signals[i], &action, NULL);
	(void)mdb_env_set_assert(s->env, on_lmdb_assertion);
}
