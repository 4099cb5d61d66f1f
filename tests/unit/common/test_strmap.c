/*
 * Tests of common/strmap against a plain array.
 */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "common/containers/strmap.h"

#define KEYS 5000

static void
keeps_what_was_put_in_order(void **state)
{
	static int values[KEYS];
	struct strmap m = STRMAP_INIT;
	struct strmap_entry *e;
	char key[32];
	size_t at = 0;
	int i, len;

	(void)state;
	assert_null(strmap_get(&m, "x", 1));
	assert_null(strmap_delete(&m, "x", 1));
	for (i = 0; i < KEYS; i++) {
		len = snprintf(key, sizeof key, "key-%d", i);
		*strmap_put(&m, key, (size_t)len) = &values[i];
	}
	for (i = 0; i < KEYS; i += 2) {
		len = snprintf(key, sizeof key, "key-%d", i);
		assert_ptr_equal(
		    strmap_delete(&m, key, (size_t)len), &values[i]);
	}
	assert_int_equal(m.live, KEYS / 2);
	for (i = 0; i < KEYS; i++) {
		len = snprintf(key, sizeof key, "key-%d", i);
		assert_ptr_equal(strmap_get(&m, key, (size_t)len),
		    i % 2 ? &values[i] : NULL);
	}
	for (i = 1; (e = strmap_next(&m, &at)) != NULL; i += 2)
		assert_ptr_equal(e->value, &values[i]);
	assert_int_equal(i, KEYS + 1);
	/* A key that was deleted may come again. */
	*strmap_put(&m, "key-0", 5) = &values[0];
	assert_ptr_equal(strmap_get(&m, "key-0", 5), &values[0]);
	strmap_release(&m, NULL);
}

static void
keys_are_bytes(void **state)
{
	struct strmap m = STRMAP_INIT;
	int a, b;

	(void)state;
	*strmap_put(&m, "a\0b", 3) = &a;
	*strmap_put(&m, "", 0) = &b;
	assert_ptr_equal(strmap_get(&m, "a\0b", 3), &a);
	assert_null(strmap_get(&m, "a", 1));
	assert_ptr_equal(strmap_get(&m, "", 0), &b);
	strmap_release(&m, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_was_put_in_order),
		cmocka_unit_test(keys_are_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
