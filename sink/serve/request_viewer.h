/*
 * request_viewer: who sends a request to sink --serve: the viewer of its bearer
 * token, which stands in the header Authorization or, of a GET, in the cookie
 * of a browser that has logged in. A page of somebody else can make a browser
 * send a cookie, so a cookie never answers anything but GET.
 */
#ifndef SINK_SERVE_REQUEST_VIEWER_H
#define SINK_SERVE_REQUEST_VIEWER_H

#include "common/http/web.h"
#include "sink/api/viewer.h"
#include "sink/serve/serve_context.h"

#include <stdbool.h>

/* False: the answer is made, 401, or 503 while it is not known which tokens
 * were revoked. */
bool request_viewer(const struct serve_context *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a) __attribute__((warn_unused_result));

/* The same for a token that stands elsewhere; r says from whom it came. */
bool request_viewer_of_token(const struct serve_context *s,
    const struct web_request *r, const char *token, struct viewer *v,
    struct web_answer *a) __attribute__((warn_unused_result));

#endif
