/*
 * words: see words.h. One pass over the text, lower-casing into a buffer of
 * its own; runs of ASCII, which most texts are, never reach libunistring.
 */
#include "aggregator/words.h"

#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "common/xalloc.h"

#include "aggregator/key.h"

enum {
	/* How much larger lower-casing (by half at most), composing (cut at
	 * twice) or pairs of neighbours make a text. */
	GROWTH = 3,
	ROOM = 64,
	ZWNJ = 0x200c,
	ZWJ = 0x200d,
};

/* The word at hand. */
struct run {
	struct words *w;
	char *begin, *end; /* of its bytes in w->bytes */
	size_t characters;
	size_t sure; /* bytes of it without joiners at its end */
	size_t sure_characters;
	bool decomposed; /* may have to be composed */
	size_t shortest;
	ucs4_t before; /* the ideograph before; 0: none */
};

void
words_release(struct words *w)
{
	free(w->bytes);
	memset(w, 0, sizeof *w);
}

static void
clear(struct words *w)
{
	if (w->n > 0)
		memset(w->slots, 0, sizeof w->slots);
	w->n = 0;
	w->full = false;
}

/* False when the word is there already, or there are too many. */
static bool
add(struct words *w, const char *p, size_t len)
{
	uint64_t hash = key_hash(0, p, len);
	size_t i = hash % ARRAY_LEN(w->slots), j;

	for (; w->slots[i] != 0; i = (i + 1) % ARRAY_LEN(w->slots)) {
		j = w->slots[i] - 1u;
		if (w->hash[j] == hash && w->v[j].len == len &&
		    memcmp(w->v[j].p, p, len) == 0)
			return false;
	}
	if (w->n == WORDS_MOST) {
		w->full = true;
		return false;
	}
	w->v[w->n].p = p;
	w->v[w->n].len = len;
	w->hash[w->n] = hash;
	w->slots[i] = (uint16_t)++w->n;
	return true;
}

static bool
is_ideograph(ucs4_t c)
{
	return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x4dbf) ||
	       (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0x20000 && c <= 0x323af);
}

static bool
is_joiner(ucs4_t c)
{
	return c == ZWNJ || c == ZWJ;
}

/* Composing may change a word with one of these: marks, the parts of Korean
 * syllables, and characters that stand for another one. */
static bool
may_compose(ucs4_t c)
{
	return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_M) ||
	       (c >= 0x1100 && c <= 0x11ff) || (c >= 0x1f71 && c <= 0x1ffd) ||
	       c == 0x0340 || c == 0x0341 || c == 0x0374 || c == 0x0387 ||
	       c == 0x2126 || c == 0x212a || c == 0x212b;
}

static bool
is_of_word(ucs4_t c)
{
	return uc_is_general_category_withtable(
	    c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_N);
}

/* Composes the word in place, if that makes another one of it. */
static void
compose(struct run *r)
{
	uint8_t room[WORDS_LONGEST * 4 * GROWTH];
	size_t len = sizeof room, was = (size_t)(r->end - r->begin);
	uint8_t *to = u8_normalize(
	    UNINORM_NFC, (const uint8_t *)r->begin, was, room, &len);

	if (to != NULL && len <= 2 * was) {
		memcpy(r->begin, to, len);
		r->end = r->begin + len;
		r->sure_characters = u8_mbsnlen(to, len);
	}
	if (to != room)
		free(to);
}

/* The run ends: it is a word, or nothing. */
static void
end_word(struct run *r)
{
	size_t len;

	r->before = 0;
	if (r->end == r->begin)
		return;
	r->end = r->begin + r->sure;
	if (r->decomposed && r->sure <= WORDS_BYTES)
		compose(r);
	len = (size_t)(r->end - r->begin);
	if (r->sure_characters < r->shortest ||
	    r->sure_characters > WORDS_LONGEST || len > WORDS_BYTES ||
	    !add(r->w, r->begin, len))
		r->end = r->begin;
	r->begin = r->end;
	r->characters = r->sure = r->sure_characters = 0;
	r->decomposed = false;
}

static void
put(struct run *r, ucs4_t c)
{
	int n = u8_uctomb((uint8_t *)r->end, c, 4);

	r->end += n > 0 ? n : 0;
	r->characters++;
}

/* The word goes at least to here. */
static void
be_sure(struct run *r)
{
	r->sure = (size_t)(r->end - r->begin);
	r->sure_characters = r->characters;
}

/* One character that is not ASCII. */
static void
take_wide(struct run *r, ucs4_t c)
{
	ucs4_t before = r->before;

	if (is_ideograph(c) && is_of_word(c)) {
		end_word(r);
		if (before != 0) {
			put(r, before);
			put(r, c);
			if (!add(r->w, r->begin, (size_t)(r->end - r->begin)))
				r->end = r->begin;
			r->begin = r->end;
			r->characters = 0;
		}
		r->before = c;
	} else if (is_of_word(c)) {
		if (before != 0)
			end_word(r);
		r->decomposed |= may_compose(c);
		put(r, uc_tolower(c));
		be_sure(r);
	} else if (is_joiner(c) && r->end > r->begin) {
		put(r, c);
	} else {
		end_word(r);
	}
}

/* What an ASCII byte is in a word: itself in lower case; 0: it ends it. */
static const char ascii[128] = {
	['0'] = '0',
	['1'] = '1',
	['2'] = '2',
	['3'] = '3',
	['4'] = '4',
	['5'] = '5',
	['6'] = '6',
	['7'] = '7',
	['8'] = '8',
	['9'] = '9',
	['A'] = 'a',
	['B'] = 'b',
	['C'] = 'c',
	['D'] = 'd',
	['E'] = 'e',
	['F'] = 'f',
	['G'] = 'g',
	['H'] = 'h',
	['I'] = 'i',
	['J'] = 'j',
	['K'] = 'k',
	['L'] = 'l',
	['M'] = 'm',
	['N'] = 'n',
	['O'] = 'o',
	['P'] = 'p',
	['Q'] = 'q',
	['R'] = 'r',
	['S'] = 's',
	['T'] = 't',
	['U'] = 'u',
	['V'] = 'v',
	['W'] = 'w',
	['X'] = 'x',
	['Y'] = 'y',
	['Z'] = 'z',
	['_'] = '_',
	['a'] = 'a',
	['b'] = 'b',
	['c'] = 'c',
	['d'] = 'd',
	['e'] = 'e',
	['f'] = 'f',
	['g'] = 'g',
	['h'] = 'h',
	['i'] = 'i',
	['j'] = 'j',
	['k'] = 'k',
	['l'] = 'l',
	['m'] = 'm',
	['n'] = 'n',
	['o'] = 'o',
	['p'] = 'p',
	['q'] = 'q',
	['r'] = 'r',
	['s'] = 's',
	['t'] = 't',
	['u'] = 'u',
	['v'] = 'v',
	['w'] = 'w',
	['x'] = 'x',
	['y'] = 'y',
	['z'] = 'z',
};

/* As long as it is ASCII; returns where it stopped. */
static const unsigned char *
take_ascii(struct run *r, const unsigned char *p, const unsigned char *end)
{
	char c;

	for (; p < end && *p < 0x80; p++) {
		c = ascii[*p];
		if (c == 0) {
			end_word(r);
			continue;
		}
		if (r->before != 0)
			end_word(r);
		*r->end++ = c;
		r->characters++;
		be_sure(r);
	}
	return p;
}

void
words_find(struct words *w, struct text text, size_t shortest)
{
	const unsigned char *p = (const unsigned char *)text.p;
	const unsigned char *end = p + text.len;
	struct run r = { .w = w, .shortest = shortest };
	ucs4_t c;
	int n;

	clear(w);
	/* Pairs of neighbours take twice their characters. */
	if (w->cap < text.len * GROWTH + ROOM) {
		w->cap = 2 * (text.len * GROWTH + ROOM);
		free(w->bytes);
		w->bytes = xmalloc(w->cap);
	}
	r.begin = r.end = w->bytes;
	while (p < end) {
		p = take_ascii(&r, p, end);
		if (p == end)
			break;
		n = u8_mbtouc(&c, p, (size_t)(end - p));
		take_wide(&r, c);
		p += n;
	}
	end_word(&r);
}

struct text
words_fold(struct words *w, struct text text)
{
	struct text none = { "", 0 };

	words_find(w, text, 1);
	return w->n == 1 ? w->v[0] : none;
}
