/*
 * Tests of text_words: texts of many scripts and the words in them, and
 * the limits.
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
words_of_many_scripts(void **state)
{
	static const struct {
		const char *text, *words;
		size_t shortest;
	} cases[] = {
		{ "", "", 1 },
		{ "Hello, hello WORLD!", "hello world ", 4 },
		{ "the cat sat there", "there ", 4 },
		{ "don't snake_case 2026x", "snake_case 2026x ", 4 },
		{ "Где мой ЗАКАЗ? заказ!", "заказ ", 4 },
		/* Composed and decomposed characters give the same word. */
		{ "caf\u00e9 cafe\u0301 CAFE\u0301", "caf\u00e9 ", 4 },
		{ "\u212bngstr\u00f6m \u00c5NGSTR\u00d6M",
		    "\u00e5ngstr\u00f6m ", 4 },
		{ "\u1112\u1161\u11ab\u1100\u1173\u11af \ud55c\uae00",
		    "\ud55c\uae00 ", 2 },
		/* A base character that replaces another one, with an
		 * accent. */
		{ "abc\u1e9b abc\u03d3", "abc\u1e61 abc\u03cd ", 4 },
		/* An emoji's variation selector belongs to no word, and a mark
		 * does not begin one. */
		{ "\u2764\ufe0fdeadline \u26a0\ufe0fDEADLINE", "deadline ", 4 },
		{ "\u0301abcd \u0301\u0301\u0301\u0301 \ufe0f\ufe0f\ufe0f",
		    "abcd ", 1 },
		{ "\u845b\U000e0100\u57ce\u5e02", "\u845b\u57ce \u57ce\u5e02 ",
		    4 },
		/* A final sigma, after letters and before none. */
		{ "\u0391\u03a3 \u03b1\u03c2 \u03a3\u0391\u03a3 A \u03a3",
		    "\u03b1\u03c2 \u03c3\u03b1\u03c2 a \u03c3 ", 1 },
		/* Characters that end a word also make a sigma final. */
		{ "\u0391\u03a3.\u0391\u03a3:\u0391'\u03a3",
		    "\u03b1\u03c2 \u03b1 \u03c3 ", 1 },
		{ "\u0391\u03a3_ \u0391\u03a3\u0301\u0391 \u0391\u200d\u03a3",
		    "\u03b1\u03c2_ \u03b1\u03c3\u0301\u03b1 "
		    "\u03b1\u200d\u03c2 ",
		    1 },
		{ "\u0391\u30fc\u03a3 \u0391\u03a3\u30fc\u0391",
		    "\u03b1 \u03c3 \u03b1\u03c2 ", 1 },
		/* Vowel signs belong to their word. */
		{ "\u0928\u092e\u0938\u094d\u0924\u0947",
		    "\u0928\u092e\u0938\u094d\u0924\u0947 ", 4 },
		/* A joiner within, but not at the end. */
		{ "\u0645\u06cc\u200c\u0631\u0648\u0645\u200c",
		    "\u0645\u06cc\u200c\u0631\u0648\u0645 ", 4 },
		{ "\u200dabcd", "abcd ", 4 },
		/* These scripts give pairs of characters, regardless of the
		 * minimum length of words. */
		{ "\u6211\u7684\u8ba2\u5355",
		    "\u6211\u7684 \u7684\u8ba2 \u8ba2\u5355 ", 4 },
		{ "\u6211 x\u7684", "", 4 },
		/* Pairs include the marks that belong to them. */
		{ "\u4eba\u3005 \u6642\u3005\u3002",
		    "\u4eba\u3005 \u6642\u3005 ", 4 },
		{ "\u4e8c\u3007\u4e8c\u516d",
		    "\u4e8c\u3007 \u3007\u4e8c \u4e8c\u516d ", 4 },
		{ "\u30e9\u30fc", "\u30e9\u30fc ", 4 },
		/* Half-width katakana, which have their own sound marks. */
		{ "\uff76\uff9e\uff97\uff70", "\u30ac\u30e9 \u30e9\u30fc ", 4 },
		/* Small kana, as Ainu uses them, and those of the
		 * supplement. */
		{ "\u30a2\u31fa\u30af", "\u30a2\u31fa \u31fa\u30af ", 4 },
		/* A word does not begin with a sound mark that NFKC joins to
		 * nothing. */
		{ "\u31f7\u309a\u30fc", "\u31f7\u30fc ", 4 },
		{ "\u3042\u3099\u3044", "\u3042\u3044 ", 4 },
		{ "\uff71\uff9e\uff9e \u3099abcd", "abcd ", 4 },
		{ "abcd\u3099 ABCD\u3099", "abcd\u3099 ", 4 },
		{ "\U0001b002\u304b", "\U0001b002\u304b ", 4 },
		/* Compatibility characters, and characters that look like
		 * digits. */
		{ "\ufb01nance \uff26inance", "finance ", 4 },
		{ "\u0958\u093e\u092e\u0928", "\u0915\u093c\u093e\u092e\u0928 ",
		    4 },
		{ "abcd\u09f4 efgh\u0967", "abcd efgh\u0967 ", 4 },
		{ "x\u00b2\u2167y\u2460", "x2viiiy1 ", 4 },
		{ "\U0001f389party\U0001f389", "party ", 4 },
		{ "\u0130stanbul", "istanbul ", 4 },
		/* A letter whose accented form exists only in lower case. */
		{ "J\u030cabc \u01f0abc", "\u01f0abc ", 4 },
		{ "H\u0331ello \u1e96ello", "\u1e96ello ", 4 },
		{ "\u0391\u03aa\u0301\u0396\u03a9", "\u03b1\u0390\u03b6\u03c9 ",
		    4 },
	};
	struct words *w = *state;
	struct buf got = BUF_INIT;
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&got);
		words_find(w, text_of(cases[i].text), cases[i].shortest);
		for (j = 0; j < w->n; j++) {
			buf_add(&got, w->v[j].p, w->v[j].len);
			buf_addc(&got, ' ');
		}
		assert_string_equal(buf_str(&got), cases[i].words);
	}
	buf_release(&got);
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
	assert_false(w->full);
	buf_adds(&text, "more");
	words_find(w, text_of(buf_str(&text)), 4);
	assert_int_equal(w->n, WORDS_MOST);
	assert_true(w->full);
	assert_memory_equal(w->v[999].p, "word999", 7);
	words_find(w, text_of("more"), 4);
	assert_int_equal(w->n, 1);
	assert_false(w->full);
	buf_release(&text);
}

int
test_text_words(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_of_many_scripts),
		cmocka_unit_test(a_long_run_is_no_word),
		cmocka_unit_test(there_is_a_most),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
