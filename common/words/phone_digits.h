/*
 * phone_digits: a number of a telephone as one word: a CRM writes it with
 * blanks, dashes and brackets, which a text that has it may leave out.
 */
#ifndef COMMON_WORDS_PHONE_DIGITS_H
#define COMMON_WORDS_PHONE_DIGITS_H

#include "common/base/buf.h"
#include "common/base/text.h"

/* Adds a blank and the digits alone; nothing if they stand together. */
void phone_digits_add(struct buf *to, struct text phone);

#endif
