/*
 * plain_letters: see plain_letters.h. Accents are marks of their own once a
 * text is decomposed; letters with a stroke, and those made of two, are in a
 * table.
 */
#include "common/words/plain_letters.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "common/base/xalloc.h"
#include "common/words/normal_form.h"

enum {
	/* Marks of Latin, Greek and Cyrillic letters. Those of other scripts
	 * are vowels, which nobody leaves out. */
	FIRST_MARK = 0x300,
	LAST_MARK = 0x36f,
	DIAERESIS = 0x308,
};

static const struct {
	ucs4_t letter;
	const char *plain;
} letters[] = {
	{ 0xc6, "AE" },
	{ 0xd0, "D" },
	{ 0xd8, "O" },
	{ 0xde, "TH" },
	{ 0xe6, "ae" },
	{ 0xf0, "d" },
	{ 0xf8, "o" },
	{ 0xfe, "th" },
	{ 0x110, "D" },
	{ 0x111, "d" },
	{ 0x141, "L" },
	{ 0x142, "l" },
	{ 0x152, "OE" },
	{ 0x153, "oe" },
};

/* Adds one character of a decomposed text, or what stands for it. */
static void
add_plain(struct buf *to, ucs4_t c, const char *bytes, size_t len)
{
	size_t i;

	if (c >= FIRST_MARK && c <= LAST_MARK)
		return;
	for (i = 0; i < ARRAY_LEN(letters); i++)
		if (letters[i].letter == c) {
			buf_adds(to, letters[i].plain);
			return;
		}
	buf_add(to, bytes, len);
}

static bool
is_umlaut(ucs4_t before, ucs4_t mark)
{
	return mark == DIAERESIS && before != 0 && before < 0x80 &&
	       strchr("aouAOU", (int)before) != NULL;
}

/* Adds the name without marks; with umlauts, an e stands for theirs. */
static void
add_spelling(struct buf *to, struct text name, bool umlauts)
{
	struct buf plain = BUF_INIT;
	size_t len, whole, i;
	uint8_t *parts = normal_form(UNINORM_NFKD, name, &len), *again;
	ucs4_t c, before = 0;
	int n;

	for (i = 0; i < len; i += (size_t)n, before = c) {
		n = u8_mbtouc(&c, parts + i, len - i);
		add_plain(&plain, c, (const char *)parts + i, (size_t)n);
		if (umlauts && is_umlaut(before, c))
			buf_addc(&plain, 'e');
	}
	free(parts);
	again = normal_form(
	    UNINORM_NFC, (struct text){ plain.data, plain.len }, &whole);
	buf_addc(to, ' ');
	buf_add(to, (const char *)again, whole);
	free(again);
	buf_release(&plain);
}

void
plain_letters_add(struct buf *to, struct text name)
{
	struct buf plain = BUF_INIT, umlauts = BUF_INIT;
	size_t i;

	for (i = 0; i < name.len && (unsigned char)name.p[i] < 0x80; i++)
		;
	if (i == name.len)
		return;
	add_spelling(&plain, name, false);
	add_spelling(&umlauts, name, true);
	buf_adds(to, buf_str(&plain));
	if (strcmp(buf_str(&plain), buf_str(&umlauts)) != 0)
		buf_adds(to, buf_str(&umlauts));
	buf_release(&plain);
	buf_release(&umlauts);
}
