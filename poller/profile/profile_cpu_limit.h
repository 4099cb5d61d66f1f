/*
 * profile_cpu_limit: halts a call of libjq that takes too long, by a timer of
 * the calling thread's processor time, which neither other threads nor a busy
 * machine can use up.
 */
#ifndef POLLER_PROFILE_PROFILE_CPU_LIMIT_H
#define POLLER_PROFILE_PROFILE_CPU_LIMIT_H

#include <jq.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Starts zeroed. */
struct profile_cpu_limit {
	timer_t timer;
	pid_t thread; /* whose time it counts; 0: there is no timer */
};

/* Halts *jq after ms of the thread's processor time. 0; or -1 and errno: no
 * timer could be made. */
int profile_cpu_limit_start(struct profile_cpu_limit *l, jq_state *jq,
    int64_t ms) __attribute__((warn_unused_result));
void profile_cpu_limit_stop(struct profile_cpu_limit *l);

void profile_cpu_limit_release(struct profile_cpu_limit *l);

#endif
