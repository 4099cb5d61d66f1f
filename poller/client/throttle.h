/*
 * throttle: how long to wait before the next request, from the different
 * headers by which CRMs limit the rate of calls.
 */
#ifndef POLLER_CLIENT_THROTTLE_H
#define POLLER_CLIENT_THROTTLE_H

#include "poller/client/http.h"

#include <stdbool.h>
#include <stdint.h>

/* A longer wait in a header counts as this. */
#define THROTTLE_MAX_MS (INT64_C(3600) * 1000)

/* Milliseconds to wait, THROTTLE_MAX_MS at most; -1: the answer sets no limit.
 * refused: the request was rejected (status 429 or 503, or by the profile);
 * without it only a count of 0 remaining calls causes a wait. now_ms is on the
 * CRM's clock; period_ms is the time after which its count starts again, 0 if
 * unknown. */
int64_t throttle_wait(const struct http_answer_headers *headers, bool refused,
    int64_t now_ms, int64_t period_ms);

#endif
