/*
 * Tests of sink/api/page_cursor: which texts are cursors, and the condition for
 * each.
 */
#include "tests/unit/unit.h"

#include "common/base/xalloc.h"
#include "sink/api/list.h"

/* "2026-11-20 10:00:00.000", and the same with "7" after a NUL. */
#define TIME "323032362d31312d32302031303a30303a30302e303030"
#define PLACE TIME "0037"

static struct page_cursor
by_time_and_id(void)
{
	return (struct page_cursor){
		.keys = { { "at", SHEET_TIME, 1 }, { "id", SHEET_TEXT, 0 } },
		.keys_n = 2,
	};
}

static void
what_is_no_cursor_is_refused(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ NULL, true },
		{ PLACE, true },
		{ TIME "00", true }, /* an empty id */
		{ "", false },
		{ TIME, false },         /* a value too few */
		{ PLACE "0037", false }, /* and too many */
		{ PLACE "3", false },    /* half a byte */
		{ TIME "00zz", false },  /* no byte */
		{ TIME "00ff", false },  /* no UTF-8 */
		{ "3230320037", false }, /* no time */
		{ "next" PLACE, false },
	};
	struct page_cursor c;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(cases); i++) {
		c = by_time_and_id();
		if (page_cursor_read(&c, cases[i].text) != cases[i].good)
			fail_msg("%zu: %s", i, cases[i].text);
		page_cursor_release(&c);
	}
}

static void
the_condition_begins_at_its_place(void **state)
{
	struct page_cursor c = by_time_and_id();
	struct db_value args[PAGE_CURSOR_ARGS];
	struct buf sql = BUF_INIT;

	(void)state;
	assert_true(page_cursor_read(&c, PLACE));
	assert_int_equal(page_cursor_condition(&c, &sql, args), 4);
	page_cursor_order(&c, &sql);
	assert_string_equal(buf_str(&sql),
	    " AND `at` >= ? AND (`at` > ? OR (`at` = ? AND (`id` > ?)))"
	    " ORDER BY `at`, `id`");
	buf_clear(&sql);
	c.newest_first = true;
	assert_int_equal(page_cursor_condition(&c, &sql, args), 4);
	page_cursor_order(&c, &sql);
	assert_string_equal(buf_str(&sql),
	    " AND `at` <= ? AND (`at` < ? OR (`at` = ? AND (`id` < ?)))"
	    " ORDER BY `at` DESC, `id` DESC");
	buf_release(&sql);
	page_cursor_release(&c);
}

static void
the_first_page_has_no_condition(void **state)
{
	struct page_cursor c = by_time_and_id();
	struct db_value args[PAGE_CURSOR_ARGS];
	struct buf sql = BUF_INIT;

	(void)state;
	assert_true(page_cursor_read(&c, NULL));
	assert_int_equal(page_cursor_condition(&c, &sql, args), 0);
	assert_string_equal(buf_str(&sql), "");
	buf_release(&sql);
	page_cursor_release(&c);
}

int
test_page_cursor(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_cursor_is_refused),
		cmocka_unit_test(the_condition_begins_at_its_place),
		cmocka_unit_test(the_first_page_has_no_condition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
