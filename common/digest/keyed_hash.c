/*
 * keyed_hash: see keyed_hash.h.
 */
#include "common/digest/keyed_hash.h"

#include <string.h>

static uint64_t
rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

/* Inline, so that v stays in registers. */
__attribute__((always_inline)) static inline void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

__attribute__((always_inline)) static inline void
take_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

__attribute__((always_inline)) static inline uint64_t
finish(uint64_t v[4])
{
	int i;

	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct keyed_hash
keyed_hash(const uint64_t key[2], const void *data, size_t len)
{
	uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573) };
	uint64_t word, last = (uint64_t)len << 56;
	const char *p = data;
	struct keyed_hash f;

	for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
		memcpy(&word, p, sizeof word);
		take_word(v, word);
	}
	word = 0;
	memcpy(&word, p, len);
	take_word(v, word | last);
	v[2] ^= 0xee;
	f.a = finish(v);
	v[1] ^= 0xdd;
	f.b = finish(v);
	return f;
}
