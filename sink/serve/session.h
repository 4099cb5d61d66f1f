/*
 * session: the cookie that a login gives a browser: session=TOKEN, which no
 * script can read (HttpOnly) and which no other site's page sends along
 * (SameSite=Strict).
 */
#ifndef SINK_SERVE_SESSION_H
#define SINK_SERVE_SESSION_H

#include "common/base/buf.h"
#include "common/http/web.h"

#include <stdbool.h>
#include <stdint.h>

#define SESSION_COOKIE "session"

/* The token in the request's cookie, to *token. False: there is none. */
bool session_cookie(const struct web_request *r, struct buf *token)
    __attribute__((warn_unused_result));

/* Appends the line of a header that sets it for age_s seconds; 0 removes it.
 * token has characters of tokens only. secure: never to be sent without TLS. */
void session_set(
    struct buf *headers, const char *token, int64_t age_s, bool secure);

#endif
