/*
 * session: the cookie that a login gives a browser.
 */
#ifndef SINK_SERVE_SESSION_H
#define SINK_SERVE_SESSION_H

#include "common/base/buf.h"
#include "common/http/web.h"

#include <stdbool.h>

#define SESSION_COOKIE "session"

/* The token in the request's cookie, to *token. False: there is none. */
bool session_cookie(const struct web_request *r, struct buf *token)
    __attribute__((warn_unused_result));

#endif
