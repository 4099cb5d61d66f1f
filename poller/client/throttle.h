/*
 * throttle: how long a CRM wants us to wait, from the many ways in which they
 * say so.
 */
#ifndef POLLER_CLIENT_THROTTLE_H
#define POLLER_CLIENT_THROTTLE_H

#include "poller/client/http.h"

#include <stdbool.h>
#include <stdint.h>

/* Whoever asks for more is not believed. */
#define THROTTLE_MAX_MS (INT64_C(3600) * 1000)

/* Milliseconds to wait before the next request, THROTTLE_MAX_MS at most; -1
 * when the answer does not say. refused: the CRM did not do what was asked
 * (status 429 or 503, or the profile says so); else only a used-up count of
 * remaining calls makes us wait. now_ms is the CRM's clock; period_ms the
 * time after which its count begins anew, 0 if that is not known. */
int64_t throttle_wait(const struct http_answer_headers *headers, bool refused,
    int64_t now_ms, int64_t period_ms);

#endif
