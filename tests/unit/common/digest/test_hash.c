/*
 * Tests of common/digest/hash: texts of every length are equal only if all
 * their bytes are.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/digest/hash.h"

static const char text[] = "conversation-0123456789-abcdefghijklmnopqrstuvwxyz";

static void
each_byte_counts(void **state)
{
	char other[sizeof text];
	size_t len, i;

	(void)state;
	for (len = 0; len < sizeof text; len++) {
		memcpy(other, text, sizeof text);
		if (!hash_same(text, other, len) ||
		    hash_text(1, text, len) != hash_text(1, other, len))
			fail_msg("%zu bytes differ from themselves", len);
		for (i = 0; i < len; i++) {
			other[i] ^= 1;
			if (hash_same(text, other, len) ||
			    hash_text(1, text, len) == hash_text(1, other, len))
				fail_msg("byte %zu of %zu is ignored", i, len);
			other[i] ^= 1;
		}
		/* Bytes after the texts do not count. */
		other[len] ^= 1;
		if (!hash_same(text, other, len))
			fail_msg("%zu bytes: the next one counts", len);
	}
}

int
test_hash(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_byte_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
