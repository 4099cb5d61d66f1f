/*
 * phone_digits: a number of a telephone as one word: a CRM writes it with
 * blanks, dashes and brackets, which a text that has it may leave out, and with
 * the code of the country, which at home is left out, too, or is a zero.
 */
#ifndef COMMON_WORDS_PHONE_DIGITS_H
#define COMMON_WORDS_PHONE_DIGITS_H

#include "common/base/buf.h"
#include "common/base/text.h"

/* Adds the digits alone, unless they stand together, and their ends that have
 * seven digits at least, each with and without a zero in front; a blank before
 * each. */
void phone_digits_add(struct buf *to, struct text phone);

#endif
