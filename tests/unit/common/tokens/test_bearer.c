/*
 * Tests of the token in a header: it may be surrounded by spaces, and other
 * schemes are ignored.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"
#include "common/tokens/jwt.h"

static void
blanks_are_no_part_of_it(void **state)
{
	static const struct {
		const char *header, *token; /* NULL: none */
	} cases[] = {
		{ "Bearer a.b.c", "a.b.c" },
		{ "bearer a.b.c", "a.b.c" },
		{ "Bearer  a.b.c", "a.b.c" },
		{ "Bearer a.b.c ", "a.b.c" },
		{ "Bearer \t a.b.c \t", "a.b.c" },
		{ "Bearer ", "" },
		{ "Bearer   ", "" },
		{ "Bearer", NULL },
		{ "Bearera.b.c", NULL },
		{ "Basic a.b.c", NULL },
		{ "", NULL },
		{ NULL, NULL },
	};
	struct buf token = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&token);
		assert_int_equal(bearer_add(&token, cases[i].header),
		    cases[i].token != NULL);
		if (cases[i].token != NULL)
			assert_string_equal(buf_str(&token), cases[i].token);
	}
	buf_release(&token);
}

int
test_bearer(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_are_no_part_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
