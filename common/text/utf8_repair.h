/*
 * utf8_repair: repairs JSON whose texts are not valid UTF-8: CRMs cut emojis in
 * half and pass on other encodings, and one such message must not make the
 * whole answer unreadable.
 */
#ifndef COMMON_TEXT_UTF8_REPAIR_H
#define COMMON_TEXT_UTF8_REPAIR_H

#include "common/base/buf.h"

#include <stddef.h>

/* Appends text to out. Bytes that are no UTF-8, and escapes of half surrogates,
 * become U+FFFD; whole numbers of 19 digits and more become strings. */
void utf8_repair_json(struct buf *out, const char *text, size_t len);

#endif
