/*
 * Tests of the parsing of forms and queries.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"
#include "sink/api/form.h"

/* The value of `a`, owned, or NULL. */
static char *
value_of_a(const char *text)
{
	char *copy = xstrdup(text), *value;
	struct form f;

	form_split(&f, copy);
	value =
	    form_value(&f, "a") != NULL ? xstrdup(form_value(&f, "a")) : NULL;
	free(copy);
	return value;
}

static void
values_are_found_and_decoded(void **state)
{
	static const char *const rows[][2] = {
		{ "a=1", "1" },
		{ "b=2&a=1&c=3", "1" },
		{ "a=1&a=2", "1" },
		{ "a=", "" },
		{ "a=b=c", "b=c" },
		{ "%61=%C3%a9%26%3D", "\xC3\xA9&=" },
		{ "a=x+y%20z%2B", "x y z+" },
		{ "&&a=1&", "1" },
		{ "a=%", "%" },
		{ "a=%4", "%4" },
		{ "a=%zz%4g", "%zz%4g" },
		{ "a=x%00y", "x" },
		{ "a", NULL },
		{ "b&a=1", "1" },
		{ "A=1", NULL },
		{ "aa=1", NULL },
		{ "=a", NULL },
		{ "", NULL },
	};
	char *value;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		value = value_of_a(rows[i][0]);
		if (rows[i][1] == NULL)
			assert_null(value);
		else if (value == NULL || strcmp(value, rows[i][1]) != 0)
			fail_msg("%s: %s", rows[i][0], value);
		free(value);
	}
}

static void
a_nul_is_told(void **state)
{
	static const char *const texts[] = { "a=%00", "a=1&%00b=2", "a=%20" };
	struct form f;
	char *copy;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(texts); i++) {
		copy = xstrdup(texts[i]);
		form_split(&f, copy);
		assert_int_equal(f.cut, i < 2);
		free(copy);
	}
}

static void
more_than_enough_is_left_out(void **state)
{
	struct buf text = BUF_INIT;
	struct form f;
	size_t i;

	(void)state;
	for (i = 0; i < FORM_MAX; i++)
		buf_adds(&text, "b=1&");
	buf_adds(&text, "a=1");
	form_split(&f, text.data);
	assert_int_equal(f.n, FORM_MAX);
	assert_null(form_value(&f, "a"));
	buf_release(&text);
}

int
test_form(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_and_decoded),
		cmocka_unit_test(a_nul_is_told),
		cmocka_unit_test(more_than_enough_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
