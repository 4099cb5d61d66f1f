/*
 * etag: the entity tag of an answer, a checksum of its bytes, and whether a
 * client has them already.
 */
#ifndef COMMON_HTTP_ETAG_H
#define COMMON_HTTP_ETAG_H

#include "common/http/web.h"

/* Room for one, quotes and NUL included. */
#define ETAG_TEXT 24

/* more: what else of the answer counts, such as a header; NULL: nothing. */
void etag_write(char etag[ETAG_TEXT], const struct buf *body, const char *more);

/* True when header If-None-Match has it, or *: the answer is 304. */
bool etag_is_known(const struct web_request *r, const char *etag);

#endif
