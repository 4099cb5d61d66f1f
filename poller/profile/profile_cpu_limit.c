/*
 * profile_cpu_limit: see profile_impl.h.
 */
#define _GNU_SOURCE /* gettid, SIGEV_THREAD_ID */

#include "poller/profile/profile_impl.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id /* Debian 12's glibc has no name for it */
#define sigev_notify_thread_id _sigev_un._tid
#endif

static _Thread_local jq_state *volatile running;

static void
halt_running(int sig)
{
	(void)sig;
	if (running != NULL)
		jq_halt(running, jv_null(), jv_null());
}

/* The signal goes to the calling thread, in which all other signals may be
 * blocked. */
static int
make_timer(struct profile_cpu_limit *l)
{
	struct sigaction act = { .sa_handler = halt_running };
	sigset_t ours;
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGVTALRM };

	event.sigev_notify_thread_id = gettid();
	(void)sigemptyset(&act.sa_mask);
	(void)sigemptyset(&ours);
	(void)sigaddset(&ours, SIGVTALRM);
	(void)pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
	if (sigaction(SIGVTALRM, &act, NULL) != 0 ||
	    timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &l->timer) != 0)
		return -1;
	l->thread = gettid();
	return 0;
}

static void
set_timer(struct profile_cpu_limit *l, int64_t ms)
{
	struct itimerspec t = { .it_value = { (time_t)(ms / 1000),
				    (long)(ms % 1000) * 1000000L } };

	(void)timer_settime(l->timer, 0, &t, NULL);
}

int
profile_cpu_limit_start(struct profile_cpu_limit *l, jq_state *jq, int64_t ms)
{
	if (l->thread != gettid())
		profile_cpu_limit_release(l);
	if (l->thread == 0 && make_timer(l) != 0)
		return -1;
	running = jq;
	set_timer(l, ms);
	return 0;
}

void
profile_cpu_limit_stop(struct profile_cpu_limit *l)
{
	set_timer(l, 0);
	running = NULL;
}

void
profile_cpu_limit_release(struct profile_cpu_limit *l)
{
	if (l->thread != 0)
		(void)timer_delete(l->timer);
	l->thread = 0;
}
