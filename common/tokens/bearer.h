/*
 * bearer: the token in a header "Authorization: Bearer TOKEN" (RFC 6750).
 */
#ifndef COMMON_TOKENS_BEARER_H
#define COMMON_TOKENS_BEARER_H

#include "common/base/buf.h"

#include <stdbool.h>

/* Appends the token of that header's value, without the blanks around it, which
 * are no part of it (RFC 9112). False: there is no such header (NULL), or it is
 * of another scheme. */
bool bearer_add(struct buf *to, const char *header)
    __attribute__((warn_unused_result));

#endif
