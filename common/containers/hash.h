/*
 * hash: the hash function of all tables, XXH3 of libxxhash with a random seed,
 * and the comparison that tables need with it. The functions are inline,
 * because a call costs more than their work. Input that may be chosen to
 * collide needs common/digest/keyed_hash.h, which is slower.
 */
#ifndef COMMON_CONTAINERS_HASH_H
#define COMMON_CONTAINERS_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

__extension__ typedef unsigned __int128 hash_wide;

/* Odd numbers with as many ones as zeros, to distinguish uses of a seed. */
#define HASH_K1 UINT64_C(0xA0761D6478BD642F)
#define HASH_K2 UINT64_C(0xE7037ED1A0B428DB)

/* The two halves of the product, combined by xor. */
static inline uint64_t
hash_mix(uint64_t a, uint64_t b)
{
	hash_wide r = (hash_wide)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint64_t
hash_load8(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

static inline uint64_t
hash_load4(const char *p)
{
	uint32_t w;

	memcpy(&w, p, 4);
	return w;
}

static inline uint64_t
hash_text(uint64_t seed, const void *text, size_t len)
{
	return XXH3_64bits_withSeed(text, len, seed);
}

struct hash_128 {
	uint64_t low, high;
};

/* For tables in which no 64-bit collision may decide. */
static inline struct hash_128
hash_text_128(uint64_t seed, const void *text, size_t len)
{
	XXH128_hash_t h = XXH3_128bits_withSeed(text, len, seed);

	return (struct hash_128){ h.low64, h.high64 };
}

/* Returns memcmp() == 0. */
static inline bool
hash_same(const char *a, const char *b, size_t len)
{
	size_t i;

	if (len >= 8) {
		for (i = 0; i + 8 < len; i += 8)
			if (hash_load8(a + i) != hash_load8(b + i))
				return false;
		return hash_load8(a + len - 8) == hash_load8(b + len - 8);
	}
	if (len >= 4)
		return hash_load4(a) == hash_load4(b) &&
		       hash_load4(a + len - 4) == hash_load4(b + len - 4);
	for (i = 0; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

#endif
