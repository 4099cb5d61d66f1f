/*
 * Tests of common/arena: what is taken is whole, aligned and apart from all
 * else; what is given back is used again.
 */
#include "tests/unit/unit.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/containers/arena.h"

#define PIECES 5000
#define LARGE ((size_t)1000 * 1000)

static bool
is_all(const char *p, int byte, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != (char)byte)
			return false;
	return true;
}

/* Of all sizes and kinds, over many chunks. */
static void
pieces_do_not_overlap(void **state)
{
	static char *pieces[PIECES];
	struct arena a = { NULL, NULL, 0 };
	char text[256];
	size_t i, n;

	(void)state;
	for (i = 0; i < PIECES; i++) {
		n = i % 251;
		if (i % 3 == 0) {
			pieces[i] = arena_take(&a, n);
			assert_int_equal(
			    (uintptr_t)pieces[i] % alignof(max_align_t), 0);
			assert_true(is_all(pieces[i], 0, n));
			memset(pieces[i], (int)i, n);
			continue;
		}
		memset(text, (int)i, n);
		if (i % 3 == 1) {
			pieces[i] = arena_copy(&a, text, n);
			assert_int_equal(pieces[i][n], '\0');
		} else {
			pieces[i] = arena_take_text(&a, n);
			memcpy(pieces[i], text, n);
		}
	}
	for (i = 0; i < PIECES; i++)
		assert_true(is_all(pieces[i], (int)i, i % 251));
	arena_release(&a);
}

static void
what_is_larger_than_a_chunk_has_room(void **state)
{
	struct arena a = { NULL, NULL, 0 };
	char *small, *large, *after;

	(void)state;
	small = arena_copy(&a, "small", 5);
	large = arena_take(&a, LARGE);
	assert_true(is_all(large, 0, LARGE));
	memset(large, 'x', LARGE);
	after = arena_copy(&a, "after", 5);
	assert_string_equal(small, "small");
	assert_string_equal(after, "after");
	assert_true(is_all(large, 'x', LARGE));
	arena_release(&a);
}

static void
cleared_memory_is_used_again(void **state)
{
	struct arena a = { NULL, NULL, 0 };
	char *first, *again;
	int i;

	(void)state;
	first = arena_take(&a, 1000);
	memset(first, 'x', 1000);
	for (i = 0; i < 1000; i++)
		assert_non_null(arena_take(&a, 1000));
	arena_clear(&a);
	again = arena_take(&a, 1000);
	assert_ptr_equal(again, first);
	assert_true(is_all(again, 0, 1000));
	/* A chunk that is too small now is not lost. */
	arena_clear(&a);
	memset(arena_take(&a, LARGE), 'y', LARGE);
	arena_clear(&a);
	assert_true(is_all(arena_take(&a, LARGE), 0, LARGE));
	arena_release(&a);
}

static void
back_to_a_mark(void **state)
{
	struct arena a = { NULL, NULL, 0 };
	struct arena_mark empty = arena_mark(&a), mark;
	char *kept = arena_copy(&a, "kept", 4), *first, *again;

	(void)state;
	mark = arena_mark(&a);
	first = arena_copy(&a, "first", 5);
	assert_non_null(arena_take(&a, LARGE));
	arena_back(&a, mark);
	again = arena_copy(&a, "again", 5);
	assert_ptr_equal(again, first);
	assert_string_equal(kept, "kept");
	arena_back(&a, empty);
	assert_ptr_equal(arena_copy(&a, "x", 1), kept);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_do_not_overlap),
		cmocka_unit_test(what_is_larger_than_a_chunk_has_room),
		cmocka_unit_test(cleared_memory_is_used_again),
		cmocka_unit_test(back_to_a_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
