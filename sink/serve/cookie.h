/*
 * cookie: the cookie in which a browser that has logged in keeps its token:
 * session=TOKEN, which no script can read (HttpOnly) and which no other site's
 * page sends along (SameSite=Strict).
 */
#ifndef SINK_SERVE_COOKIE_H
#define SINK_SERVE_COOKIE_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* The token in a header Cookie, owned. NULL: none; header
 * may be NULL. */
char *cookie_token(const char *header) __attribute__((warn_unused_result));

/* Appends the line of a header that sets it for age_s seconds; 0 removes it.
 * token has characters of tokens only. secure: never to be sent without TLS. */
void cookie_set(
    struct buf *headers, const char *token, int64_t age_s, bool secure);

#endif
