/*
 * encoding: bytes as text, percent-encoded as in URLs (RFC 3986) and in base64
 * (RFC 4648). libcurl and libcrypto have the like, which aggregator and reaper
 * do not link; neither has base64url. Forms, lenient and with a plus for a
 * blank, are read by form.h.
 */
#ifndef COMMON_DIGEST_ENCODING_H
#define COMMON_DIGEST_ENCODING_H

#include "common/base/buf.h"

#include <stdbool.h>

/* Leaves letters, digits and -._~ as they are. */
void percent_encode(struct buf *to, const char *text);
/* A copy, owned; NULL when what follows a percent sign is none or gives NUL. */
char *percent_decode(const char *s, size_t len)
    __attribute__((warn_unused_result));

/* base64 is filled up with '=', base64url is not. */
void base64_encode(struct buf *to, const void *bytes, size_t len);
void base64url_encode(struct buf *to, const void *bytes, size_t len);
/* Appends the bytes. False: it is empty, or not in the canonical form. */
bool base64url_decode(struct buf *to, const char *text, size_t len)
    __attribute__((warn_unused_result));

#endif
