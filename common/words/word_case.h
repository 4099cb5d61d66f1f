/*
 * word_case: one form of words that differ by case alone. Words are lower-cased
 * a character at a time, so that those of a name in capitals can be others:
 * SS is not the sharp s, a capital sigma is no final one, and I of Turkish is a
 * letter without a dot, or one with it.
 */
#ifndef COMMON_WORDS_WORD_CASE_H
#define COMMON_WORDS_WORD_CASE_H

#include "common/base/buf.h"
#include "common/base/text.h"

/* Puts that form of a word of text_words.h into `to`, and returns it. */
struct text word_case_fold(struct buf *to, struct text word);

/* The same of a column, in SQL. */
#define WORD_CASE_SQL(column)                                                  \
	"REPLACE(REPLACE(REPLACE(REPLACE(" column ", '\xcf\x82', "             \
	"'\xcf\x83'), '\xc3\x9f', 'ss'), '\xc4\xb1', 'i'), "                   \
	"'\x69\xcc\x87', 'i')"

#endif
