/*
 * text_words: the distinct words of a text, as trends count them. The text is
 * converted to NFKC and lower case. A word is a sequence of letters, marks,
 * decimal digits (Nd) and underscores. It never begins with a mark, and does
 * not include variation selectors, which change a character's appearance. The
 * joiners U+200C and U+200D belong to a word if it continues after them. Words
 * shorter than a given number of characters are omitted, and so are words
 * longer than WORDS_LONGEST or WORDS_BYTES.
 *
 * Chinese and Japanese have no spaces between words: each pair of neighbouring
 * characters counts as a word, regardless of its length. The iteration mark
 * U+3005, the zero U+3007 and the prolonged sound mark U+30FC count as such
 * characters. The sound marks U+3099 and U+309A after them are skipped.
 *
 * Thai, Lao, Khmer and Burmese have no spaces between words either, but are not
 * split into words: this needs a dictionary, which only ICU has for all of
 * them, and ICU takes 36 MB. In these languages, the text between two spaces is
 * one word.
 *
 * libunistring classifies characters that are not ASCII.
 */
#ifndef AGGREGATOR_WORDS_TEXT_WORDS_H
#define AGGREGATOR_WORDS_TEXT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/records/record.h"

enum {
	WORDS_MOST = 1000,  /* words of one text; further words are ignored */
	WORDS_LONGEST = 60, /* characters */
	WORDS_BYTES = RECORD_MAX_ID, /* what fits into a key column */
};

/* Callers may read n and v; the rest is private. */
struct words {
	struct text v[WORDS_MOST]; /* in the order of the text */
	size_t n;
	uint64_t seed;
	uint64_t hash[WORDS_MOST];
	uint16_t slots[4096]; /* 1 + the index of a word; 0: free */
	char ascii[128];      /* in lower case; 0: ends a word */
	char *bytes;          /* the bytes that v points into */
	size_t cap;
};

/* A zeroed struct is valid. */
void words_release(struct words *w);

/* Finds the words of a text, which must be valid UTF-8, with at least
 * `shortest` characters. w->v is valid until the next call. */
void words_find(struct words *w, struct text text, size_t shortest);

#endif
