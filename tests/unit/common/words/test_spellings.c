/*
 * Tests of plain_letters and phone_digits: the other spellings of a name and of
 * a number that a text may have.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/words/phone_digits.h"
#include "common/words/plain_letters.h"

struct spelling {
	const char *of, *others;
};

static void
check_spellings(const struct spelling *s, size_t n,
    void (*add)(struct buf *to, struct text of))
{
	struct buf got = BUF_INIT;
	size_t i;

	for (i = 0; i < n; i++) {
		buf_clear(&got);
		add(&got, (struct text){ s[i].of, strlen(s[i].of) });
		assert_string_equal(buf_str(&got), s[i].others);
	}
	buf_release(&got);
}

static void
names(void **state)
{
	static const struct spelling cases[] = {
		{ "", "" },
		{ "Ana O'Neil", "" },
		{ "Jos\u00e9 Nun\u0303ez", " Jose Nunez" },
		{ "J\u00fcrgen", " Jurgen Juergen" },
		{ "S\u00f8ren \u0141ukasz", " Soren Lukasz" },
		{ "\u00c6gir", " AEgir" },
		/* Yo of Russian is typed as ye. */
		{ "\u0424\u0451\u0434\u043e\u0440",
		    " \u0424\u0435\u0434\u043e\u0440" },
		/* Syllables and vowel signs stay what they are. */
		{ "\ud55c\uae00", " \ud55c\uae00" },
		{ "\u0928\u092e\u0938\u094d\u0924\u0947",
		    " \u0928\u092e\u0938\u094d\u0924\u0947" },
	};

	(void)state;
	check_spellings(cases, ARRAY_LEN(cases), plain_letters_add);
}

static void
numbers(void **state)
{
	static const struct spelling cases[] = {
		{ "", "" },
		{ "ana@example.com", "" },
		{ "55 11", " 5511" },
		{ "+491234567", " 1234567 01234567 91234567 091234567"
				" 0491234567" },
		{ "+1 (23) 45-678", " 12345678 2345678 02345678 012345678" },
		/* No number of a telephone. */
		{ "1234567890123456", "" },
	};

	(void)state;
	check_spellings(cases, ARRAY_LEN(cases), phone_digits_add);
}

int
test_spellings(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
