/*
 * lmdb_guard: see lmdb_guard.h.
 */
#define _DEFAULT_SOURCE /* sigaction's flags */

#include "common/lmdb/lmdb_guard.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

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
lmdb_guard_begin(const char *text, enum exit_code code)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, install_handlers);
	guard_code = (sig_atomic_t)code;
	guard_text = text;
}

void
lmdb_guard_end(void)
{
	guard_text = NULL;
}

void
lmdb_guard_assertion(const char *assertion)
{
	die_if_guarded();
	prog_die(PROG_SOFTWARE, "LMDB: %s", assertion);
}
