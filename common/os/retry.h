/*
 * retry: computes how long to wait before the next attempt, with exponential
 * back-off and jitter. Functions return an enum outcome; only loops around them
 * call retry_wait(), or retry_next() and sleep.
 */
#ifndef COMMON_OS_RETRY_H
#define COMMON_OS_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct retry {
	int64_t base_ms;   /* maximum of the first delay */
	int64_t cap_ms;    /* maximum of all delays */
	int64_t budget_ms; /* total time from the first failure; -1:
			    * unlimited */
	unsigned attempt;  /* failures so far */
	int64_t since_ms;  /* monotonic time of the first failure */
};

#define RETRY_INIT(base, cap, budget)                                          \
	{                                                                      \
		(base), (cap), (budget), 0, 0                                  \
	}

/* Pure. Full jitter: a value in [0, min(cap, base * 2^attempt)], selected by
 * random (any 32 bits). A server's hint (ms; -1: none) can only extend it;
 * otherwise a hint of 0 would cause requests without a pause. */
int64_t retry_delay(unsigned attempt, int64_t base_ms, int64_t cap_ms,
    int64_t hint_ms, uint32_t random);

/* Counts a failure. Returns the delay to sleep, or -1 if the budget is used up
 * or less than the hint. */
int64_t retry_next(struct retry *r, int64_t hint_ms);

/* Counts a failure and sleeps for the delay. Calls serve(ctx) each second,
 * which keeps links alive. Returns false if asked to stop, or if the budget is
 * used up. */
bool retry_wait(struct retry *r, void (*serve)(void *ctx), void *ctx);

/* Call after a success: the next failure counts as the first. */
void retry_reset(struct retry *r);

#endif
