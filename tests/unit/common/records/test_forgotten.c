/*
 * Tests of common/records/forgotten: a digest stored today must be recognized
 * by every later version, and no other must match.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/records/forgotten.h"

static void
digests_never_change(void **state)
{
	static const struct {
		enum forgotten_kind kind;
		const char *id, *digest;
	} stored[] = {
		{ FORGOTTEN_CUSTOMER, "5", "09e63c167d25c1a86576a3ab17442157" },
		{ FORGOTTEN_USER, "5", "a8711f98babf013a516c7b1a9d9a5e46" },
		{ FORGOTTEN_CHAT, "5", "d2b6743cf5a94b98631cb64a518d12fa" },
	};
	char digest[FORGOTTEN_DIGEST + 1];
	uint64_t key[2];
	size_t i;

	(void)state;
	assert_int_equal(
	    forgotten_key_read("00112233445566778899aabbccddeeff", key), 0);
	assert_int_equal(key[0], 0x0011223344556677);
	assert_int_equal(key[1], 0x8899aabbccddeeff);
	for (i = 0; i < ARRAY_LEN(stored); i++) {
		forgotten_digest(key, stored[i].kind, stored[i].id,
		    strlen(stored[i].id), digest);
		assert_string_equal(digest, stored[i].digest);
	}
	/* The key decides. */
	key[0]++;
	forgotten_digest(key, FORGOTTEN_CUSTOMER, "5", 1, digest);
	assert_string_not_equal(digest, stored[0].digest);
}

static void
keys_are_drawn_and_read(void **state)
{
	static const char *const bad[] = { "", "0",
		"00112233445566778899AABBCCDDEEFF",
		"00112233445566778899aabbccddeef",
		"x0112233445566778899aabbccddeeff",
		"00112233445566778899aabbccddeeff0" };
	char one[FORGOTTEN_KEY + 1], two[FORGOTTEN_KEY + 1];
	uint64_t key[2];
	size_t i;

	(void)state;
	forgotten_key_draw(one);
	forgotten_key_draw(two);
	assert_string_not_equal(one, two);
	assert_int_equal(forgotten_key_read(one, key), 0);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(forgotten_key_read(bad[i], key), -1);
	assert_int_equal(forgotten_key_read(NULL, key), -1);
}

int
test_forgotten(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_never_change),
		cmocka_unit_test(keys_are_drawn_and_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
