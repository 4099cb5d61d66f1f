/*
 * text_words: the distinct words of a text, as trends count them. A word is a
 * run of letters, marks, decimal digits (Nd) and underscores, of a text in
 * NFKC, in lower case. No word begins with a mark, and variation
 * selectors, which choose a picture, belong to none. The joiners U+200C and
 * U+200D belong to a word that goes on after them. Words shorter than a given
 * number of characters are left out, and so are those longer than WORDS_LONGEST
 * or WORDS_BYTES.
 *
 * Chinese and Japanese are written without blanks between words: of a run of
 * such characters each pair of neighbours counts as a word, whatever its
 * length. The iteration mark U+3005, the zero U+3007 and the prolonged sound
 * mark U+30FC are such characters, too; the sound marks U+3099 and U+309A
 * behind them are passed over, as at the beginning of a word.
 *
 * Thai, Lao, Khmer and Burmese have no blanks between words either, but are not
 * cut into words: that takes a dictionary, which only ICU has for all of them,
 * and ICU needs 36 MB. What stands between two blanks is one word.
 *
 * libunistring classifies the characters that are not ASCII.
 */
#ifndef AGGREGATOR_WORDS_TEXT_WORDS_H
#define AGGREGATOR_WORDS_TEXT_WORDS_H

#include "common/records/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WORDS_MOST = 1000,  /* of one text; the others are not counted */
	WORDS_LONGEST = 60, /* characters */
	WORDS_BYTES = RECORD_MAX_ID, /* what a column of a key may have */
};

/* Private but for n and v. */
struct words {
	struct text v[WORDS_MOST]; /* in the order of the text */
	size_t n;
	bool full; /* there were more */
	uint64_t seed;
	uint64_t hash[WORDS_MOST];
	uint16_t slots[4096]; /* 1 + the index of a word; 0: free */
	char ascii[128];      /* in lower case; 0: ends a word */
	char *bytes;          /* what v points into */
	size_t cap;
};

/* A zeroed struct is valid. */
void words_release(struct words *w);

/* Finds the words of a text, valid UTF-8, of at least `shortest` characters.
 * w->v is valid until the next call. */
void words_find(struct words *w, struct text text, size_t shortest);

#endif
