/*
 * stop: the flag that asks a program to stop; see stop.h.
 */
#include "common/os/stop.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/os/notify.h"

/* Lock-free, because a signal handler writes it and all threads read it. */
static atomic_int asked;
static atomic_int_least64_t asked_ms; /* the time of the request; set before
				       * `asked` */
static atomic_int armed;              /* the alarm is set */

static char timeout_line[160];

static void
stop_on_signal(int sig)
{
	(void)sig;
	if (!armed)
		asked_ms = clock_mono_ms();
	asked = 1;
	/* Counts from the first request, even if it is repeated. */
	if (!atomic_exchange(&armed, 1))
		(void)alarm(STOP_WITHIN_S);
}

/* An operation hangs: a server does not answer, a name is not resolved, a disk
 * is stuck. The current work was not acknowledged, so nothing is lost. */
static void
on_alarm(int sig)
{
	ssize_t ignored =
	    write(STDERR_FILENO, timeout_line, strlen(timeout_line));

	(void)sig;
	(void)ignored;
	_exit(PROG_TEMPFAIL);
}

void
stop_init(void)
{
	struct sigaction sa = { .sa_handler = stop_on_signal }, old;

	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	if (sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &sa, NULL);
	(void)snprintf(timeout_line, sizeof timeout_line,
	    "%s%s: asked to stop, but work in progress did not end within %d "
	    "seconds; it is left for the next run\n",
	    log_prefix(LOG_LEVEL_ERROR), prog_name(), STOP_WITHIN_S);
	sa.sa_handler = on_alarm;
	sigaction(SIGALRM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGXFSZ, &sa, NULL);
}

bool
stop_asked(void)
{
	return asked != 0;
}

void
stop_set(bool on)
{
	asked_ms = clock_mono_ms();
	asked = on;
}

int64_t
stop_left_ms(void)
{
	if (!stop_asked())
		return INT64_MAX;
	return asked_ms + STOP_WITHIN_S * INT64_C(1000) - clock_mono_ms();
}

bool
stop_sleep(int64_t ms)
{
	int64_t end = clock_mono_ms() + ms, left;
	struct timespec ts;

	/* Sleep in slices: a signal between the check of the flag and the sleep
	 * must not cost the whole wait. */
	while (!stop_asked() && (left = end - clock_mono_ms()) > 0) {
		notify_alive();
		if (left > 200)
			left = 200;
		ts.tv_sec = 0;
		ts.tv_nsec = (long)left * 1000000L;
		nanosleep(&ts, NULL);
	}
	return stop_asked();
}
