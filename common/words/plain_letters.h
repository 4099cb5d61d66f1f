/*
 * plain_letters: a name as it is typed where a keyboard lacks its letters:
 * without accents, and with two letters for one. So a text may have it.
 * Weighed: //TRANSLIT of iconv(3), which depends on the locale, and ICU's
 * transliterator: each gives one spelling, where people use several.
 */
#ifndef COMMON_WORDS_PLAIN_LETTERS_H
#define COMMON_WORDS_PLAIN_LETTERS_H

#include "common/base/buf.h"
#include "common/base/text.h"

/* Adds each other spelling, a blank before it; nothing if there is none. The
 * name is valid UTF-8. */
void plain_letters_add(struct buf *to, struct text name);

#endif
