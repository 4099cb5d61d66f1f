/*
 * Tests of common/digest/encoding: hexadecimal digits.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/digest/encoding.h"

static void
hexadecimal_digits(void **state)
{
	static const unsigned char bytes[] = { 0x00, 0x9A, 0xBF, 0xFF };
	char text[9] = "";
	int c, n = 0;

	(void)state;
	for (c = 0; c < 256; c++)
		n += hex_digit((char)c) >= 0;
	assert_int_equal(n, 22);
	assert_int_equal(hex_digit('0'), 0);
	assert_int_equal(hex_digit('9'), 9);
	assert_int_equal(hex_digit('a'), 10);
	assert_int_equal(hex_digit('F'), 15);
	assert_int_equal(hex_four("20Ac"), 0x20AC);
	assert_int_equal(hex_four("20A"), -1);
	*hex_write(text, bytes, sizeof bytes) = '\0';
	assert_string_equal(text, "009abfff");
}

/* The vectors of RFC 4648, and texts that are not canonical. */
static void
base64_returns_its_bytes(void **state)
{
	static const char *const texts[] = { "Zg==", "Zm8=", "Zm9v",
		"Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	static const char *const bad[] = { "", "Zg=", "Zg",
		"Zh==", "Z===", "Zm9v=", "Zm8=Zm8=", "Zm9-", "Zm9v\n" };
	struct buf bytes = BUF_INIT, text = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof texts / sizeof *texts; i++) {
		buf_clear(&bytes);
		buf_clear(&text);
		assert_true(base64_decode(&bytes, texts[i], strlen(texts[i])));
		assert_int_equal(bytes.len, i + 1);
		assert_memory_equal(bytes.data, "foobar", i + 1);
		base64_encode(&text, bytes.data, bytes.len);
		assert_string_equal(buf_str(&text), texts[i]);
	}
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(base64_decode(&bytes, bad[i], strlen(bad[i])));
	buf_release(&bytes);
	buf_release(&text);
}

int
test_encoding(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_returns_its_bytes),
		cmocka_unit_test(hexadecimal_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
