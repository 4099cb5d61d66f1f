/*
 * webhook_values: whether the payload of a webhook names somebody. Its profile
 * did not understand it, so nobody knows which of its members are ids: each
 * string may be one, and each number whose name ends in "id".
 */
#ifndef REAPER_RIGHTS_WEBHOOK_VALUES_H
#define REAPER_RIGHTS_WEBHOOK_VALUES_H

#include "common/text/flat.h"

#include <stdbool.h>
#include <stddef.h>

typedef bool webhook_value_fn(const void *ctx, const char *value, size_t len);

/* Whether is_theirs() takes one of its values, at any depth. JSON that is cut
 * has the values before its end. Strings with escapes are copied into f. */
bool webhook_values_any(struct flat *f, const char *json, size_t len,
    webhook_value_fn *is_theirs, const void *ctx);

#endif
