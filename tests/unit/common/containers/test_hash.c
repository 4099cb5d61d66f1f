/*
 * The three hashes: what is kept on a disk has the values that others publish,
 * and the one of tables depends on its seed, whatever a stranger writes.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/hash.h"
#include "common/digest/checksum.h"
#include "common/digest/keyed_hash.h"

/* Of libxxhash's own xxhsum -H3, seed 0. */
static void
checksums_are_a_contract(void **state)
{
	(void)state;
	assert_true(checksum(0, "", 0) == UINT64_C(0x2d06800538d394c2));
	assert_true(checksum(0, "abc", 3) == UINT64_C(0x78af5f94892f3950));
	assert_true(checksum(checksum(0, "ab", 2), "c", 1) !=
		    checksum(checksum(0, "a", 1), "bc", 2));
}

/* The vectors of SipHash's authors, for 128 bits: key 0 1 2 .. 15, text 0 1 2
 * .. of so many bytes. */
static void
keyed_hashes_are_siphash(void **state)
{
	static const uint64_t key[2] = { UINT64_C(0x0706050403020100),
		UINT64_C(0x0f0e0d0c0b0a0908) };
	static const struct {
		size_t len;
		struct keyed_hash want;
	} cases[] = {
		{ 0, { UINT64_C(0xe6a825ba047f81a3),
			 UINT64_C(0x930255c71472f66d) } },
		{ 1, { UINT64_C(0x44af996bd8c187da),
			 UINT64_C(0x45fc229b11597634) } },
	};
	struct keyed_hash got;
	char text[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		got = keyed_hash(key, text, cases[i].len);
		assert_true(got.a == cases[i].want.a);
		assert_true(got.b == cases[i].want.b);
	}
}

/* A text of the constant that is in each product would make it 0, and so the
 * hash the same, whatever stands before it and whatever the seed. */
static void
no_text_makes_a_product_zero(void **state)
{
	const uint64_t constant = HASH_K2;
	char a[33] = "0123456789abcdef", b[33] = "fedcba9876543210";
	size_t at;

	(void)state;
	for (at = 0; at <= 16; at += 8) {
		memset(a + 8, 'x', 24);
		memset(b + 8, 'x', 24);
		memcpy(a + at + 8, &constant, 8);
		memcpy(b + at + 8, &constant, 8);
		assert_true(hash_text(1, a, 32) != hash_text(1, b, 32));
		assert_true(hash_text(1, a, 32) != hash_text(2, a, 32));
	}
}

/* Of all lengths, one bit makes another hash. */
static void
every_bit_counts(void **state)
{
	char text[41] = "0123456789012345678901234567890123456789";
	uint64_t before;
	size_t len, i;

	(void)state;
	for (len = 1; len <= 40; len++) {
		before = hash_text(9, text, len);
		assert_true(before != hash_text(10, text, len));
		assert_true(before != hash_text(9, text, len - 1));
		for (i = 0; i < 8 * len; i++) {
			text[i / 8] ^= (char)(1 << i % 8);
			assert_true(hash_text(9, text, len) != before);
			text[i / 8] ^= (char)(1 << i % 8);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_a_contract),
		cmocka_unit_test(keyed_hashes_are_siphash),
		cmocka_unit_test(no_text_makes_a_product_zero),
		cmocka_unit_test(every_bit_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
