/*
 * state_guard: LMDB trusts its file. state_checksums.c checks it before; if a
 * page that was damaged since makes LMDB crash, a signal handler reports that.
 */
#define _DEFAULT_SOURCE /* sigaction's flags */

#include "aggregator/state/state_impl.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/xalloc.h"

/* The line that reports a crash inside LMDB. */
static char crash_line[512];
static volatile sig_atomic_t guarded;

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
state_guard(const struct state *s, bool on)
{
	(void)s;
	guarded = on;
}

void
state_prepare_guard(const struct state *s)
{
	static const int signals[] = { SIGSEGV, SIGBUS };
	struct sigaction action = { .sa_handler = on_crash };
	struct buf why = BUF_INIT;
	size_t i;

	(void)state_explain(s, MDB_CORRUPTED, &why);
	(void)snprintf(crash_line, sizeof crash_line, "%s: %s\n", prog_name(),
	    buf_str(&why));
	buf_release(&why);
	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < ARRAY_LEN(signals); i++)
		(void)sigaction(signals[i], &action, NULL);
	(void)mdb_env_set_assert(s->env, on_lmdb_assertion);
}
