/*
 * hash_loop: what hashing a key costs, the table's hash beside XXH3 and the
 * keyed one, in ns a key; the best of some rounds. The
 * measurements in hash.h come from it.
 */
#include <stdio.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/base/xalloc.h"
#include "common/containers/hash.h"
#include "common/digest/keyed_hash.h"

#define KEYS 4096
#define LONGEST 40
#define ROUNDS 100
#define TURNS 10 /* over all keys, a round */

static struct {
	char text[LONGEST];
	size_t len;
} keys[KEYS];

static volatile uint64_t sink;

static double
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
make_keys(size_t least, size_t most)
{
	uint64_t d = 1;
	size_t i, j;

	for (i = 0; i < KEYS; i++) {
		d = d * UINT64_C(6364136223846793005) + 1;
		keys[i].len = least + (d >> 33) % (most - least + 1);
		for (j = 0; j < keys[i].len; j++)
			keys[i].text[j] = (char)('0' + (d >> (j % 48)) % 43);
	}
}

static inline uint64_t
by_table(const char *p, size_t len)
{
	return hash_text(77, p, len);
}

static inline uint64_t
by_xxh3(const char *p, size_t len)
{
	return XXH3_64bits_withSeed(p, len, 77);
}

static inline uint64_t
by_key(const char *p, size_t len)
{
	static const uint64_t key[2] = { 77, 78 };

	return keyed_hash(key, p, len).a;
}

/* In place, as tables have it. */
__attribute__((always_inline)) static inline double
measure(uint64_t (*hash)(const char *p, size_t len))
{
	double best = 1e18, begin, took;
	uint64_t sum = 0;
	size_t round, i;

	for (round = 0; round < ROUNDS; round++) {
		begin = now_ns();
		for (i = 0; i < (size_t)TURNS * KEYS; i++)
			sum += hash(keys[i % KEYS].text, keys[i % KEYS].len);
		took = now_ns() - begin;
		best = took < best ? took : best;
	}
	sink = sum;
	return best / TURNS / KEYS;
}

int
main(void)
{
	static const size_t ranges[][2] = { { 4, 40 }, { 4, 16 }, { 17, 40 },
		{ 36, 36 } };
	size_t i;

	for (i = 0; i < ARRAY_LEN(ranges); i++) {
		make_keys(ranges[i][0], ranges[i][1]);
		printf("%zu to %zu bytes: table %.1f ns, XXH3 %.1f, "
		       "keyed %.1f\n",
		    ranges[i][0], ranges[i][1], measure(by_table),
		    measure(by_xxh3), measure(by_key));
	}
	return 0;
}
