/*
 * text_words: see text_words.h. One pass over the text converts it to lower
 * case in a buffer. ASCII, the most frequent case, never reaches libunistring,
 * and only texts that are not in NFKC are normalised first.
 */
#include "aggregator/words/text_words.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "common/base/prog.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/digest/random.h"

enum {
	/* The maximum growth of a text by conversion to lower case (half at
	 * most) or by pairs of neighbours. */
	GROWTH = 3,
	ROOM = 64,
	ZWNJ = 0x200c,
	ZWJ = 0x200d,
	ITERATION = 0x3005,  /* repeats the ideograph before it */
	ZERO = 0x3007,       /* written among ideographs, but a number in
			      * Unicode */
	SOUND_MARK = 0x3099, /* after a kana with which NFKC combines it */
	HALF_SOUND_MARK = 0x309a,
	CAPITAL_SIGMA = 0x3a3,
};

/* The word that is being read. */
struct word_run {
	struct words *w;
	char *begin, *end; /* its bytes in w->bytes */
	size_t characters;
	size_t sure; /* its length in bytes without trailing joiners */
	size_t sure_characters;
	size_t shortest;
	bool composes; /* letters in lower case may combine with marks */
	ucs4_t before; /* the previous ideograph; 0: none */
};

void
words_release(struct words *w)
{
	free(w->bytes);
	memset(w, 0, sizeof *w);
}

/* Fills the table of ASCII bytes in lower case; 0 means that the byte ends a
 * word. */
static void
make_ascii(char table[128])
{
	int c;

	for (c = 0; c < 128; c++)
		if (text_is_digit((char)c) || c == '_' ||
		    (c >= 'a' && c <= 'z'))
			table[c] = (char)c;
		else if (c >= 'A' && c <= 'Z')
			table[c] = (char)(c - 'A' + 'a');
}

static void
clear_words(struct words *w)
{
	if (w->n > 0)
		memset(w->slots, 0, sizeof w->slots);
	if (w->seed == 0) {
		w->seed = random_64();
		make_ascii(w->ascii);
	}
	w->n = 0;
}

/* Returns false if the word is already known, or if there are too many
 * words. */
static bool
add_distinct_word(struct words *w, const char *p, size_t len)
{
	uint64_t hash = hash_text(w->seed, p, len);
	size_t i = hash % ARRAY_LEN(w->slots), j;

	for (; w->slots[i] != 0; i = (i + 1) % ARRAY_LEN(w->slots)) {
		j = w->slots[i] - 1u;
		if (w->hash[j] == hash && w->v[j].len == len &&
		    memcmp(w->v[j].p, p, len) == 0)
			return false;
	}
	if (w->n == WORDS_MOST)
		return false;
	w->v[w->n].p = p;
	w->v[w->n].len = len;
	w->hash[w->n] = hash;
	w->slots[i] = (uint16_t)++w->n;
	return true;
}

/* Sound marks are in the same range, but combine with other characters. */
static bool
is_ideograph(ucs4_t c)
{
	return c == ITERATION || c == ZERO ||
	       (c >= 0x3040 && c <= 0x30ff && c != SOUND_MARK &&
		   c != HALF_SOUND_MARK) ||
	       (c >= 0x31f0 && c <= 0x31ff) || (c >= 0x3400 && c <= 0x4dbf) ||
	       (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0x1b000 && c <= 0x1b16f) || (c >= 0x20000 && c <= 0x323af);
}

static bool
is_joiner(ucs4_t c)
{
	return c == ZWNJ || c == ZWJ;
}

/* Selects the appearance of the preceding character, such as an emoji. */
static bool
is_variation_selector(ucs4_t c)
{
	return (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0xe0100 && c <= 0xe01ef);
}

static bool
is_mark(ucs4_t c)
{
	return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_M);
}

static bool
is_of_word(ucs4_t c)
{
	return c == ZERO || uc_is_general_category_withtable(
				c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M |
				       UC_CATEGORY_MASK_Nd);
}

/* Composed syllables, ideographs and Cyrillic letters: frequent characters that
 * NFKC does not change, even if they have a decomposition. */
static bool
is_stable(ucs4_t c)
{
	return (c >= 0x400 && c <= 0x481) || (c >= 0x3041 && c <= 0x3096) ||
	       (c >= 0x30a1 && c <= 0x30fe) || (c >= 0x4e00 && c <= 0x9fff) ||
	       (c >= 0xac00 && c <= 0xd7a3);
}

/* True if NFKC may change a text with this character. Marks and parts of Korean
 * syllables combine with the preceding character; others have a
 * decomposition. */
static bool
may_change(ucs4_t c)
{
	ucs4_t parts[UC_DECOMPOSITION_MAX_LENGTH];
	int tag, n;

	if (is_stable(c))
		return false;
	if (is_mark(c) || (c >= 0x1100 && c <= 0x11ff))
		return true;
	n = uc_decomposition(c, &tag, parts);
	return n > 0 && (tag != UC_DECOMP_CANONICAL || n == 1 ||
			    uc_composition(parts[0], parts[1]) != c ||
			    may_change(parts[0]));
}

/* True if find_words_of() can read the text directly: it is in NFKC, and its
 * lower case does not depend on neighbouring characters. */
static bool
is_normal(struct text t)
{
	const uint8_t *p = (const uint8_t *)t.p, *end = p + t.len;
	ucs4_t c;

	while (p < end)
		if (*p < 0x80) {
			p++;
		} else {
			p += u8_mbtouc(&c, p, (size_t)(end - p));
			if (c == CAPITAL_SIGMA || may_change(c))
				return false;
		}
	return true;
}

/* Lower-case letters may have accents that the capitals lack, and a sigma at
 * the end of a word has a form of its own. */
static void
compose_word(struct word_run *r)
{
	uint8_t word[8 * WORDS_BYTES];
	size_t len = sizeof word;

	if (r->sure > sizeof word / 4)
		return; /* too long for a word, composed or not */
	if (u8_tolower((const uint8_t *)r->begin, r->sure, NULL, UNINORM_NFC,
		word, &len) != word)
		prog_die(PROG_TEMPFAIL, "out of memory");
	memcpy(r->begin, word, len);
	r->sure = len;
	r->sure_characters = u8_mbsnlen(word, len);
}

/* Ends the run of characters, which is either a word or dropped. */
static void
end_word(struct word_run *r)
{
	size_t len;

	r->before = 0;
	if (r->end == r->begin)
		return;
	if (r->composes)
		compose_word(r);
	r->end = r->begin + r->sure;
	len = (size_t)(r->end - r->begin);
	if (r->sure_characters < r->shortest ||
	    r->sure_characters > WORDS_LONGEST || len > WORDS_BYTES ||
	    !add_distinct_word(r->w, r->begin, len))
		r->end = r->begin;
	r->begin = r->end;
	r->characters = r->sure = r->sure_characters = 0;
}

static void
put_character(struct word_run *r, ucs4_t c)
{
	int n = u8_uctomb((uint8_t *)r->end, c, 4);

	r->end += n > 0 ? n : 0;
	r->characters++;
}

/* Extends the word at least to this position. */
static void
extend_word(struct word_run *r)
{
	r->sure = (size_t)(r->end - r->begin);
	r->sure_characters = r->characters;
}

/* Reads one character that is not ASCII. */
static void
read_wide(struct word_run *r, ucs4_t c)
{
	ucs4_t before = r->before;

	if (is_ideograph(c) && is_of_word(c)) {
		end_word(r);
		if (before != 0) {
			put_character(r, before);
			put_character(r, c);
			if (!add_distinct_word(
				r->w, r->begin, (size_t)(r->end - r->begin)))
				r->end = r->begin;
			r->begin = r->end;
			r->characters = 0;
		}
		r->before = c;
	} else if (is_variation_selector(c) ||
		   (r->end == r->begin && is_mark(c))) {
		/* Ignore it. */
	} else if (is_of_word(c)) {
		if (before != 0)
			end_word(r);
		put_character(r, c != CAPITAL_SIGMA ? uc_tolower(c) : c);
		extend_word(r);
	} else if (is_joiner(c) && r->end > r->begin) {
		put_character(r, c);
	} else {
		end_word(r);
	}
}

/* Reads up to the first byte that is not ASCII, and returns its position. */
static const unsigned char *
read_ascii(struct word_run *r, const unsigned char *p, const unsigned char *end)
{
	char c;

	for (; p < end && *p < 0x80; p++) {
		c = r->w->ascii[*p];
		if (c == 0) {
			end_word(r);
			continue;
		}
		if (r->before != 0)
			end_word(r);
		*r->end++ = c;
		r->characters++;
		extend_word(r);
	}
	return p;
}

static void
find_words_of(struct words *w, struct text text, size_t shortest, bool composes)
{
	const unsigned char *p = (const unsigned char *)text.p;
	const unsigned char *end = p + text.len;
	struct word_run r = {
		.w = w, .shortest = shortest, .composes = composes
	};
	ucs4_t c;
	int n;

	/* Pairs of neighbours need twice as many bytes as their characters. */
	if (w->cap < text.len * GROWTH + ROOM) {
		w->cap = 2 * (text.len * GROWTH + ROOM);
		free(w->bytes);
		w->bytes = xmalloc(w->cap);
	}
	r.begin = r.end = w->bytes;
	while (p < end) {
		p = read_ascii(&r, p, end);
		if (p == end)
			break;
		n = u8_mbtouc(&c, p, (size_t)(end - p));
		read_wide(&r, c);
		p += n;
	}
	end_word(&r);
}

void
words_find(struct words *w, struct text text, size_t shortest)
{
	uint8_t *normal;
	size_t len;

	clear_words(w);
	if (is_normal(text)) {
		find_words_of(w, text, shortest, false);
		return;
	}
	normal = u8_normalize(
	    UNINORM_NFKC, (const uint8_t *)text.p, text.len, NULL, &len);
	if (normal == NULL)
		prog_die(PROG_TEMPFAIL, "out of memory");
	find_words_of(
	    w, (struct text){ (const char *)normal, len }, shortest, true);
	free(normal);
}
