/*
 * keywords: a perfect hash that identifies a text among a few known words. A
 * lookup takes one multiplication and one comparison of 16 bytes, without a
 * branch that depends on the word. It is used for the keys of records and the
 * values of their enumerations.
 *
 * The words are found within JSON. The characters after a word there (a quote,
 * after a key also a colon) are compared, too, and therefore the length as
 * well.
 *
 * Words are distinguished by their first four bytes and their length: if two
 * words agree in both, there is no perfect hash.
 */
#ifndef COMMON_RECORDS_KEYWORDS_H
#define COMMON_RECORDS_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Number of bytes that must be readable from the start of a text. */
#define KEYWORDS_READ 16

/* A word with the characters that follow it. Its members are private. */
struct keyword {
	unsigned char start[KEYWORDS_READ]; /* the word and the characters that
					     * follow it */
	const char *word;
	uint32_t counts; /* bit i: byte i of start is compared */
	uint16_t len, number;
};

/* Private: set in words that are longer than the compared bytes. */
#define KEYWORDS_LONG (UINT32_C(1) << KEYWORDS_READ)

/* Sets a single word of up to 15 bytes, which a quote follows. keyword_is()
 * never finds a longer one, and finds "" only where the text is empty. */
void keyword_set(struct keyword *k, const char *word, size_t len);

/* True if the word is at p. */
static inline bool
keyword_is(const struct keyword *k, const char *p)
{
#ifdef __SSE2__
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)k->start);
	/* Bit i is set if byte i matches. */
	uint32_t same = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b));

	return (~same & k->counts) == 0;
#else
	size_t n = k->len < sizeof k->start ? k->len + 1u : sizeof k->start;

	return (k->counts & KEYWORDS_LONG) == 0 && memcmp(p, k->start, n) == 0;
#endif
}

#define KEYWORDS_BITS 7
#define KEYWORDS_NONE 63 /* not a known word; there may be 63 words */

struct keywords {
	uint32_t multiplier; /* one that gives each word its own slot */
	struct keyword slot[1 << KEYWORDS_BITS];
};

/* Prepares names[0..n), which must stay valid; NULL and "" are skipped.
 * `behind` is the text after each word: "\"", or "\":" for keys. Ends the
 * process if there are too many words, no perfect hash is found, or a word with
 * `behind` is shorter than four bytes. */
void keywords_init(
    struct keywords *w, const char *const *names, size_t n, const char *behind);

/* Private. */
static inline uint32_t
keywords_slot(const char *p, size_t len, uint32_t multiplier)
{
	uint32_t four;

	memcpy(&four, p, sizeof four);
	return (four + (uint32_t)len * 0x3C6EF372u) * multiplier >>
	       (32 - KEYWORDS_BITS);
}

/* Returns the index of the word p[0..len) among the names, or KEYWORDS_NONE.
 * The word must be followed by `behind` of keywords_init(). */
static inline unsigned
keywords_find(const struct keywords *w, const char *p, size_t len)
{
	const struct keyword *k =
	    &w->slot[keywords_slot(p, len, w->multiplier)];

	if (__builtin_expect(keyword_is(k, p), 1))
		return k->number;
	return (k->counts & KEYWORDS_LONG) != 0 && len == k->len &&
		       memcmp(p, k->word, len) == 0
		   ? k->number
		   : KEYWORDS_NONE;
}

#endif
