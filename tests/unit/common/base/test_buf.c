/*
 * Tests of common/buf: growth, caps, formatting, hand-over; of common/decimal.
 */
#include "tests/unit/unit.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/decimal.h"

static void
text_grows_and_stays_ended(void **state)
{
	struct buf b = BUF_INIT;
	int i;

	(void)state;
	assert_string_equal(buf_str(&b), "");
	for (i = 0; i < 1000; i++)
		buf_adds(&b, "abc");
	assert_int_equal(b.len, 3000);
	assert_int_equal(strlen(b.data), 3000);
	buf_release(&b);
}

/* This happens after an empty file was read. Fresh memory is not zeroed. */
static void
room_that_is_not_used_leaves_it_ended(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	(void)mallopt(M_PERTURB, 0x55); /* no more than sanitizers do */
	assert_non_null(buf_room(&b, 100));
	(void)mallopt(M_PERTURB, 0);
	assert_string_equal(buf_str(&b), "");
	buf_release(&b);
}

static void
a_cap_refuses_the_whole_append(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	b.max = 5;
	buf_adds(&b, "abcd");
	buf_adds(&b, "ef");
	assert_true(b.over);
	assert_string_equal(buf_str(&b), "abcd");
	buf_addc(&b, 'e');
	assert_string_equal(buf_str(&b), "abcd");
	buf_clear(&b);
	assert_false(b.over);
	buf_adds(&b, "12345");
	assert_false(b.over);
	buf_release(&b);
}

static void
integers_of_every_size(void **state)
{
	static const struct {
		int64_t n;
		const char *want;
	} cases[] = {
		{ 0, "0" },
		{ -1, "-1" },
		{ 1234567890, "1234567890" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};
	struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		buf_clear(&b);
		buf_addi(&b, cases[i].n);
		assert_string_equal(buf_str(&b), cases[i].want);
	}
	buf_release(&b);
}

static void
setf_may_quote_itself(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	buf_setf(&b, "reason");
	buf_setf(&b, "line 3: %s", buf_str(&b));
	assert_string_equal(buf_str(&b), "line 3: reason");
	buf_setf(NULL, "nobody asked");
	buf_release(&b);
}

static void
take_hands_over(void **state)
{
	struct buf b = BUF_INIT;
	char *p;

	(void)state;
	p = buf_take(&b);
	assert_string_equal(p, "");
	free(p);
	buf_addf(&b, "%d-%s", 7, "x");
	p = buf_take(&b);
	assert_string_equal(p, "7-x");
	assert_int_equal(b.len, 0);
	free(p);
}

static void
thousandths_become_decimals(void **state)
{
	static const struct {
		int64_t n;
		const char *text;
	} cases[] = {
		{ 0, "0.000" },
		{ 1, "0.001" },
		{ 999, "0.999" },
		{ 1000, "1.000" },
		{ 1500, "1.500" },
		{ -1, "-0.001" },
		{ -1500, "-1.500" },
		{ 10050, "10.050" },
		{ INT64_C(999999999999999), "999999999999.999" },
		{ INT64_MAX, "9223372036854775.807" },
	};
	char text[DECIMAL_ROOM];
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		len = (size_t)(decimal_write_thousandths(text, cases[i].n) -
			       text);
		assert_int_equal(len, strlen(cases[i].text));
		assert_memory_equal(text, cases[i].text, len);
	}
}

int
test_buf(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_grows_and_stays_ended),
		cmocka_unit_test(room_that_is_not_used_leaves_it_ended),
		cmocka_unit_test(a_cap_refuses_the_whole_append),
		cmocka_unit_test(integers_of_every_size),
		cmocka_unit_test(thousandths_become_decimals),
		cmocka_unit_test(setf_may_quote_itself),
		cmocka_unit_test(take_hands_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
