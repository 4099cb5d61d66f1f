/*
 * stop: the flag that asks a program to leave; see stop.h.
 */
#include "common/stop.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#include "common/clock.h"

/* Lock-free: written by a signal, read by all threads. */
static atomic_int asked;

static void
on_signal(int sig)
{
	(void)sig;
	asked = 1;
}

void
stop_init(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
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
	asked = on;
}

bool
stop_sleep(int64_t ms)
{
	int64_t end = clock_mono_ms() + ms, left;
	struct timespec ts;

	/* In slices: a signal between the look at the flag and the sleep must
	 * not cost the whole wait. */
	while (!stop_asked() && (left = end - clock_mono_ms()) > 0) {
		if (left > 200)
			left = 200;
		ts.tv_sec = 0;
		ts.tv_nsec = (long)left * 1000000L;
		nanosleep(&ts, NULL);
	}
	return stop_asked();
}
