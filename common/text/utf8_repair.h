/*
 * utf8_repair: repairs JSON that jansson does not read: texts that are no valid
 * UTF-8, since CRMs cut emojis in half and pass on other encodings, a NUL in a
 * name, and numbers that are too large. One such value must not make the whole
 * answer unreadable.
 */
#ifndef COMMON_TEXT_UTF8_REPAIR_H
#define COMMON_TEXT_UTF8_REPAIR_H

#include "common/base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Reads JSON of a CRM; a byte order mark is skipped. If it cannot be read as it
 * is, bytes that are no UTF-8, and escapes of half surrogates and of NUL,
 * become U+FFFD; whole numbers of 19 digits and more, and others beyond a
 * double, become strings. A new reference, the caller's; NULL and *e: it is not
 * JSON. *repaired becomes true if there was text that is not UTF-8. */
json_t *utf8_repair_read(const char *text, size_t len, bool *repaired,
    json_error_t *e) __attribute__((warn_unused_result));

#endif
