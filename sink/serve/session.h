/*
 * session: the cookie that a login gives a browser: session=TOKEN, which no
 * script can read (HttpOnly) and which no other site's page sends along
 * (SameSite=Strict). Whether its token is good: serve_viewer.c.
 *
 * It is never sent without TLS (Secure) unless the browser says that the form
 * of the login stood on a page of its own machine without TLS (header Origin,
 * http://localhost and the like): the browser alone knows how it reached us,
 * through whichever proxies.
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

/* Appends the line of a header that sets it for age_s seconds; 0 removes it. r:
 * the login or logout. token has characters of tokens only. */
void session_set(const struct web_request *r, struct buf *headers,
    const char *token, int64_t age_s);

#endif
