/*
 * profile_clock: halts a call of libjq that does not end, by a timer of the
 * calling thread's processor time: neither what other threads do nor a busy
 * machine makes a call too long.
 */
#ifndef POLLER_PROFILE_PROFILE_CLOCK_H
#define POLLER_PROFILE_PROFILE_CLOCK_H

#include <jq.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Begins as zeros. */
struct profile_clock {
	timer_t timer;
	pid_t thread; /* whose time it counts; 0: there is no timer */
};

/* From now on the thread has so long for what it does with jq. 0; or -1 and
 * errno: there is no timer for it. */
int profile_clock_start(struct profile_clock *c, jq_state *jq, int64_t ms)
    __attribute__((warn_unused_result));
void profile_clock_stop(struct profile_clock *c);

void profile_clock_release(struct profile_clock *c);

#endif
