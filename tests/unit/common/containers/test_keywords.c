/*
 * Tests of common/keywords: what is a word is found, and nothing else.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/containers/keywords.h"
#include "common/records/record_words.h"

static const char *const names[] = { "", "ab", "abc", "bac", "sixteen bytes ..",
	"seventeen bytes ..", "fifteen bytes .", "customer_name" };

static unsigned
find(const struct keywords *w, const char *word, size_t len)
{
	char space[64];

	memset(space, 'z', sizeof space);
	memcpy(space, word, len);
	memcpy(space + len, "\":", 2);
	return keywords_find(w, space, len);
}

static void
words_are_found_and_nothing_else(void **state)
{
	static struct keywords w;
	size_t n = sizeof names / sizeof names[0], i, len;

	(void)state;
	keywords_init(&w, names, n, "\":");
	for (i = 1; i < n; i++) {
		len = strlen(names[i]);
		assert_int_equal(find(&w, names[i], len), i);
		assert_int_equal(
		    find(&w, names[i], len - 1), i == 2 ? 1 : KEYWORDS_NONE);
	}
	assert_int_equal(find(&w, "", 0), KEYWORDS_NONE);
	assert_int_equal(find(&w, "abcz", 4), KEYWORDS_NONE);
	assert_int_equal(find(&w, "seventeen bytes .x", 18), KEYWORDS_NONE);
	assert_int_equal(find(&w, "ab\0", 3), KEYWORDS_NONE);
}

static void
all_names_of_records_are_known(void **state)
{
	const struct record_words *w = record_words();
	size_t i;

	(void)state;
	for (i = 0; i < record_fields_n; i++)
		assert_int_equal(find(&w->keys, record_fields[i].name,
				     strlen(record_fields[i].name)),
		    i);
	assert_int_equal(find(&w->keys, "type", 4), RECORD_TYPE_KEY);
	for (i = 1; i < RECORD_TYPES; i++)
		assert_int_equal(find(&w->types, record_types[i].name,
				     strlen(record_types[i].name)),
		    i);
	assert_int_equal(find(&w->froms, "system", 6), FROM_SYSTEM);
	assert_int_equal(find(&w->statuses, "gone", 4), CHAT_GONE);
	assert_int_equal(find(&w->states, "end", 3), SNAPSHOT_END);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_found_and_nothing_else),
		cmocka_unit_test(all_names_of_records_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
