/*
 * profile_clock: halts a call of libjq that takes too long, by a timer of the
 * calling thread's processor time, which neither other threads nor a busy
 * machine can use up.
 */
#ifndef POLLER_PROFILE_PROFILE_CLOCK_H
#define POLLER_PROFILE_PROFILE_CLOCK_H

#include <jq.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Starts zeroed. */
struct profile_clock {
	timer_t timer;
	pid_t thread; /* whose time it counts; 0: there is no timer */
};

/* Halts *jq after ms of the thread's processor time. 0; or -1 and errno: no
 * timer could be made. */
int profile_clock_start(struct profile_clock *c, jq_state *jq, int64_t ms)
    __attribute__((warn_unused_result));
void profile_clock_stop(struct profile_clock *c);

void profile_clock_release(struct profile_clock *c);

#endif
