/*
 * keywords: which of a few known words is this? A perfect hash: one
 * multiplication and one comparison of up to 16 bytes tell, without a branch
 * that depends on the word, so that it costs the same in any order. Keys of
 * records and the values of their enumerations are found so.
 */
#ifndef COMMON_KEYWORDS_H
#define COMMON_KEYWORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define KEYWORDS_BITS 8
#define KEYWORDS_NONE 63 /* no such word; so there may be 63 of them */

/* Readable bytes from the beginning of whatever is looked up. */
#define KEYWORDS_READ 16

/* Private. A word's first 16 bytes; zeros where it has none. */
struct keyword {
	uint64_t low, high;
	const char *text;
	uint32_t len;
	uint32_t number;
};

struct keywords {
	uint64_t multiplier; /* no two words meet with this one */
	struct keyword slot[1 << KEYWORDS_BITS];
};

/* Which bytes count of a word of so many, 16 and more alike. */
extern const uint64_t keywords_masks[KEYWORDS_READ + 1][2];

/* Of names[0..n), borrowed for ever; a NULL or "" is passed over. Dies when
 * there are too many of them, or two with the same first 16 bytes. */
void keywords_init(struct keywords *w, const char *const *names, size_t n);

static inline uint64_t
keywords_load(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof x);
	return x;
}

static inline size_t
keywords_slot(uint64_t low, uint64_t high, uint64_t multiplier)
{
	return (size_t)(((low ^ (high << 7 | high >> 57)) * multiplier) >>
			(64 - KEYWORDS_BITS));
}

/* The index of the word among the names, or KEYWORDS_NONE. */
static inline unsigned
keywords_find(const struct keywords *w, const char *p, size_t len)
{
	const uint64_t *mask =
	    keywords_masks[len < KEYWORDS_READ ? len : KEYWORDS_READ];
	uint64_t low = keywords_load(p) & mask[0];
	uint64_t high = keywords_load(p + 8) & mask[1];
	const struct keyword *found =
	    &w->slot[keywords_slot(low, high, w->multiplier)];
	uint64_t differs =
	    (low ^ found->low) | (high ^ found->high) | (len ^ found->len);

	if (__builtin_expect(len > KEYWORDS_READ, 0) && differs == 0)
		differs = memcmp(p, found->text, len) != 0;
	return differs == 0 ? found->number : KEYWORDS_NONE;
}

#endif
