/*
 * throttle: how long to wait before the next request, from the different
 * headers by which CRMs limit the rate of calls.
 */
#ifndef POLLER_CLIENT_THROTTLE_H
#define POLLER_CLIENT_THROTTLE_H

#include "poller/client/http.h"

#include <stdint.h>

/* A longer wait in a header counts as this. */
#define THROTTLE_MAX_MS (INT64_C(3600) * 1000)

/* The answer, by what causes a wait beside a count of 0 remaining calls. */
enum throttle_case {
	THROTTLE_GIVEN,  /* nothing */
	THROTTLE_BUSY,   /* status 503, no matter of rates: Retry-After */
	THROTTLE_REFUSED /* too many requests: Retry-After, else the reset, else
			    the end of the period */
};

/* Milliseconds to wait, THROTTLE_MAX_MS at most; -1: the answer sets no limit.
 * now_ms is on the CRM's clock; period_ms is the time after which its count
 * starts again, 0 if unknown. */
int64_t throttle_wait(const struct http_answer_headers *headers,
    enum throttle_case answer, int64_t now_ms, int64_t period_ms);

#endif
