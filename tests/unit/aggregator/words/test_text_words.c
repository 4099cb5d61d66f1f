/*
 * Tests of the limits of text_words. The text case trends-of-many-scripts of
 * the aggregator has texts and the words in them.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"

#include "aggregator/words/text_words.h"

/* On the heap: it is large. */
static int
make(void **state)
{
	*state = xcalloc(1, sizeof(struct words));
	return 0;
}

static int
unmake(void **state)
{
	words_release(*state);
	free(*state);
	return 0;
}

static struct text
text_of(const char *s)
{
	struct text t = { s, strlen(s) };

	return t;
}

static void
a_long_run_is_no_word(void **state)
{
	struct words *w = *state;
	char text[300];

	memset(text, 'a', sizeof text);
	words_find(w, (struct text){ text, WORDS_LONGEST }, 4);
	assert_int_equal(w->n, 1);
	words_find(w, (struct text){ text, WORDS_LONGEST + 1 }, 4);
	assert_int_equal(w->n, 0);
	/* Characters of 4 bytes each: more bytes than a row may have. */
	words_find(w, text_of("\U0001e922\U0001e923\U0001e924\U0001e925"), 4);
	assert_int_equal(w->n, 1);
	for (size_t i = 0; i < 48; i++)
		memcpy(text + 4 * i, "\U0001e922", 4);
	words_find(w, (struct text){ text, (size_t)47 * 4 }, 4);
	assert_int_equal(w->n, 1);
	words_find(w, (struct text){ text, (size_t)48 * 4 }, 4);
	assert_int_equal(w->n, 0);
}

static void
there_is_a_most(void **state)
{
	struct words *w = *state;
	struct buf text = BUF_INIT;
	int i;

	for (i = 0; i < WORDS_MOST; i++)
		buf_addf(&text, "word%d word%d ", i, i);
	words_find(w, text_of(buf_str(&text)), 4);
	assert_int_equal(w->n, WORDS_MOST);
	buf_adds(&text, "more");
	words_find(w, text_of(buf_str(&text)), 4);
	assert_int_equal(w->n, WORDS_MOST);
	assert_memory_equal(w->v[999].p, "word999", 7);
	words_find(w, text_of("more"), 4);
	assert_int_equal(w->n, 1);
	buf_release(&text);
}

int
test_text_words(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_run_is_no_word),
		cmocka_unit_test(there_is_a_most),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
