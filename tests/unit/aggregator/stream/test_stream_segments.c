/*
 * Test of stream_segment_key(): no two segments of messages have one key,
 * however many a chat has.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"

#include "aggregator/stream/stream.h"

static void
each_segment_has_a_key_of_its_own(void **state)
{
	static const uint64_t chats[] = { 1, 2, 3, 65535, 65536, 65537,
		(UINT64_C(1) << 40) - 1 };
	static const uint64_t segments[] = { 0, 1, 2, 65535, 65536, 65537,
		131072, (1 << 24) - 1 };
	enum { CHATS = ARRAY_LEN(chats), SEGMENTS = ARRAY_LEN(segments) };
	uint64_t keys[CHATS * SEGMENTS];
	size_t n, i;

	(void)state;
	for (n = 0; n < ARRAY_LEN(keys); n++) {
		keys[n] = stream_segment_key(
		    chats[n / SEGMENTS], segments[n % SEGMENTS]);
		for (i = 0; i < n; i++)
			assert_true(keys[i] != keys[n]);
	}
}

/* States have them. */
static void
keys_of_short_chats_stay(void **state)
{
	(void)state;
	assert_true(stream_segment_key(1, 0) == 0x10000);
	assert_true(stream_segment_key(0x123456, 65535) == 0x123456ffff);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_segment_has_a_key_of_its_own),
		cmocka_unit_test(keys_of_short_chats_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
