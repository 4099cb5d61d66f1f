/*
 * Tests of common/digest/encoding: hexadecimal digits.
 */
#include "tests/unit/unit.h"

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

int
test_encoding(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hexadecimal_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
