/*
 * keywords: which of a few known words is this? A perfect hash: a
 * multiplication and a comparison of 16 bytes tell, without a branch that
 * depends on the word, so that it costs the same in any order. Keys of records
 * and the values of their enumerations are found so.
 *
 * The words stand in JSON. What follows a word there is part of the
 * comparison, and tells its length: a quote, and behind a key a colon.
 */
#ifndef COMMON_CONTAINERS_KEYWORDS_H
#define COMMON_CONTAINERS_KEYWORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define KEYWORDS_BITS 7
#define KEYWORDS_NONE 63 /* no such word; so there may be 63 of them */

/* Readable bytes from the beginning of whatever is looked up. */
#define KEYWORDS_READ 16

/* Private. */
struct keyword {
	unsigned char
	    start[KEYWORDS_READ]; /* of the word and what follows it */
	const char *word;
	uint32_t len;
	uint16_t counts; /* bit i: byte i of start does */
	uint16_t number;
};

struct keywords {
	uint32_t multiplier; /* no two words meet with this one */
	struct keyword slot[1 << KEYWORDS_BITS];
};

/* Of names[0..n), borrowed for ever; a NULL or "" is passed over. behind is
 * what will follow them: "\"", or "\":" for keys. Dies when there are too many
 * of them, or some that are too alike, or too short: with what follows them
 * they must be four bytes. */
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

/* Private: bit i tells whether byte i is as the word's. */
static inline uint32_t
keywords_compare(const char *p, const struct keyword *w)
{
#ifdef __SSE2__
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)w->start);

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(a, b));
#else
	size_t n = w->len < sizeof w->start ? w->len + 1 : sizeof w->start;

	return memcmp(p, w->start, n) == 0 ? w->counts : 0;
#endif
}

/* One word of up to 15 bytes that a quote follows, and nothing else: sets it,
 * and tells whether the text at p is that. "" is never found within a text. */
void keyword_set(struct keyword *k, const char *word, size_t len);

static inline int
keyword_is(const struct keyword *k, const char *p)
{
	return (~keywords_compare(p, k) & k->counts) == 0;
}

/* The index of the word p[0..len) among the names, or KEYWORDS_NONE. It must
 * be followed by what was said. */
static inline unsigned
keywords_find(const struct keywords *w, const char *p, size_t len)
{
	const struct keyword *k =
	    &w->slot[keywords_slot(p, len, w->multiplier)];
	int differs = !keyword_is(k, p);

	if (__builtin_expect(k->len >= sizeof k->start, 0) && differs == 0)
		differs = len != k->len || memcmp(p, k->word, len) != 0;
	return differs == 0 ? k->number : KEYWORDS_NONE;
}

#endif
