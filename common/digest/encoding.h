/*
 * encoding: bytes as text, percent-encoded as in URLs (RFC 3986) or in base64
 * (RFC 4648). libcurl and libcrypto have similar functions, but aggregator and
 * reaper do not link them, and neither has base64url. form.h decodes forms,
 * which are lenient and write a blank as a plus.
 */
#ifndef COMMON_DIGEST_ENCODING_H
#define COMMON_DIGEST_ENCODING_H

#include "common/base/buf.h"

#include <stdbool.h>

/* Does not encode letters, digits and -._~ */
void percent_encode(struct buf *to, const char *text);
/* Returns a copy, owned; NULL if a percent sign is not followed by two
 * hexadecimal digits, or if they give NUL. */
char *percent_decode(const char *s, size_t len)
    __attribute__((warn_unused_result));

/* base64 is padded with '=', base64url is not. */
void base64_encode(struct buf *to, const void *bytes, size_t len);
void base64url_encode(struct buf *to, const void *bytes, size_t len);
/* Appends the bytes. Returns false if the text is empty or not in canonical
 * form. */
bool base64url_decode(struct buf *to, const char *text, size_t len)
    __attribute__((warn_unused_result));

#endif
