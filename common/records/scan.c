/*
 * scan: see scan.h. There are two passes over a few thousand bytes at a time:
 * the first lists the ends of strings, the second follows this list from key to
 * key and stores each value in its field.
 *
 * First pass: the text is examined 64 bytes (a piece) at a time, with one bit
 * per byte for each kind of byte that matters to a JSON reader. The result is
 * the list of all closing quotes in order, and the pieces that are odd because
 * they have a bad escape, a control byte, or bytes that are not UTF-8.
 *
 * Second pass: it starts outside strings, in a complete line, and reads every
 * byte outside strings, so it may take the end of each string from the list:
 * unescaped quotes come in pairs, and the next closing quote belongs to the
 * next opening one. Whether one of the line's pieces is odd is checked at the
 * end of the record.
 *
 * In a regular record, the branches of the second pass do not depend on the
 * key: a perfect hash finds it, and a table has the maximum length and the
 * destination of its string. Records may therefore have their keys in any
 * order. Strings that need conversion (times, enumerations, the tenant's name)
 * are converted afterwards, in the order of the table.
 *
 * Every function of the second pass gives up on a record that is unusual in any
 * way; take_by_parser() then passes its line to record_parse(). So nothing here
 * needs to give a reason, but what is accepted here must be right in every
 * respect.
 */
#include "common/records/scan.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/json/json_text.h"
#include "common/records/record_words.h"

#define BIT(i) (UINT64_C(1) << (i))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- the first pass: pieces, and the list of closing quotes ---- */

#define PIECE 64 /* bytes */

/* Number of pieces that are indexed together, so that text, index and records
 * fit into the first-level cache. */
#define WINDOW_PIECES ((size_t)128)

#define DELETE 0x7F /* a control character, too */
#define C2 ((char)0xC2)

/* Bit i stands for byte i. */
struct scan_piece {
	uint64_t quotes;
	uint64_t backslashes;
	uint64_t newlines;
	uint64_t odd; /* control characters except newlines; all ones if invalid
		       * UTF-8 ends here or shortly before */
};

/* Where the strings of some lines end. */
struct scan_index {
	const char *base; /* borrowed: the text */
	size_t len;
	uint32_t *close; /* offsets of closing quotes */
	size_t n;        /* close[n] is a sentinel: no string may be followed by
			  * the byte after it */
	bool odd;        /* a piece is odd */
	bool escapes;    /* there is a backslash */
	struct scan_piece *pieces;
	size_t cap; /* pieces */
	/* The fastest function on this processor. */
	void (*find)(const char *p, size_t n, struct scan_piece *pieces);
};

/* Finds the control characters U+0080 to U+009F: of the bytes 0xC2, each given
 * as a bit, those that begin one. */
static inline uint64_t
wide_controls(const char *p, uint64_t c2)
{
	uint64_t controls = 0;

	for (; c2 != 0; c2 &= c2 - 1)
		if ((unsigned char)p[__builtin_ctzll(c2) + 1] < 0xA0)
			controls |= c2 & (0 - c2);
	return controls;
}

#define ONES UINT64_C(0x0101010101010101)
#define LOWS UINT64_C(0x7F7F7F7F7F7F7F7F)
#define HIGHS UINT64_C(0x8080808080808080)

/* Loads eight bytes, the first in memory as the lowest. */
static uint64_t
load_eight(const char *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof x);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	x = __builtin_bswap64(x);
#endif
	return x;
}

/* Collects the high bits of eight bytes into eight bits. */
static uint64_t
gather_high_bits(uint64_t x)
{
	return ((x & HIGHS) >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

/* Sets the high bits of bytes that are equal to c. */
static uint64_t
equal(uint64_t x, unsigned char c)
{
	x ^= ONES * c;
	return ~(((x & LOWS) + LOWS) | x);
}

/* Sets the high bits of bytes below 0x20, and of DEL. */
static uint64_t
control(uint64_t x)
{
	return ~(((x & LOWS) + ONES * (0x80 - 0x20)) | x) | equal(x, DELETE);
}

/* Returns how many of the three bytes before s belong to a character that
 * continues at s; 0 to 3. */
static size_t
utf8_open(const char *s)
{
	static const unsigned char longer[] = { 0, 0xC0, 0xE0, 0xF0 };
	size_t i;

	for (i = 1; i <= 3; i++) {
		unsigned char c = (unsigned char)*(s - i);

		if (c >= 0xC0)
			return c >= longer[i] ? i : 0;
		if (c < 0x80)
			break;
	}
	return 0;
}

/* Checks the pieces [from, to), which are not plain ASCII and lie between
 * pieces that are, so they can be checked separately. Their text ends at `end`.
 * cut: the text ends there, possibly within a character. */
static void
check_wide(
    struct scan_piece *from, struct scan_piece *to, const char *end, bool cut)
{
	const char *text = end - (size_t)(to - from) * PIECE;

	if (cut)
		end -= utf8_open(end);
	if (!parse_is_utf8(text, (size_t)(end - text)))
		for (; from < to; from++)
			from->odd = ~UINT64_C(0);
}

/* Examines n pieces from p on as one text. Invalid UTF-8 marks the piece with
 * the first wrong byte; for a truncated character that is the byte after it.
 * Therefore a character that is truncated by the end of the last piece is not
 * detected. */
static void
scan_pieces_plain(const char *p, size_t n, struct scan_piece *pieces)
{
	struct scan_piece *wide = NULL;
	uint64_t x, high, low, c2;
	size_t i, k;

	for (i = 0; i < n; i++, p += PIECE) {
		struct scan_piece one = { 0, 0, 0, 0 };

		high = 0;
		low = 0;
		c2 = 0;
		for (k = 0; k < PIECE; k += 8) {
			x = load_eight(p + k);
			one.quotes |= gather_high_bits(equal(x, '"')) << k;
			one.backslashes |= gather_high_bits(equal(x, '\\'))
					   << k;
			one.newlines |= gather_high_bits(equal(x, '\n')) << k;
			low |= gather_high_bits(control(x)) << k;
			c2 |= gather_high_bits(equal(x, 0xC2)) << k;
			high |= x & HIGHS;
		}
		one.odd = (low & ~one.newlines) | wide_controls(p, c2);
		pieces[i] = one;
		if (high == 0 && wide != NULL) {
			check_wide(wide, &pieces[i], p, false);
			wide = NULL;
		} else if (high != 0 && wide == NULL) {
			wide = &pieces[i];
		}
	}
	if (wide != NULL)
		check_wide(wide, pieces + n, p, true);
}

#ifdef __x86_64__

/*
 * The same with the instructions of AVX2, which x86 processors have had since
 * 2013.
 *
 * UTF-8: John Keiser and Daniel Lemire, Validating UTF-8 In Less Than One
 * Instruction Per Byte (2020). Three tables of sixteen entries, indexed by the
 * high and low half of a byte and by the high half of the next one, each give
 * the errors that are possible; an error is certain if it is in all three.
 * Bytes that must be the third or fourth of a character are compared with those
 * that may be. ASCII after ASCII needs no check.
 */

#define TARGET_AVX2 __attribute__((target("avx2")))

#define TOO_SHORT 1 /* a first byte without a continuation */
#define TOO_LONG 2  /* a continuation after ASCII */
#define OVERLONG_3 4
#define TOO_LARGE 8 /* above U+10FFFF, by the second byte */
#define SURROGATE 16
#define OVERLONG_2 32
#define OVERLONG_4 64 /* also: above U+10FFFF, by the first byte */
#define TWO_CONTS 128 /* two continuations: only valid for 3 and 4 bytes */
#define CARRY (TOO_SHORT | TOO_LONG | TWO_CONTS)
#define LARGE (CARRY | TOO_LARGE | OVERLONG_4)
#define CONT (TOO_LONG | OVERLONG_2 | TWO_CONTS)

/* By the high half of a byte. */
static const unsigned char first_high[16] = {
	TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, /* ASCII */
	TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TWO_CONTS, TWO_CONTS, TWO_CONTS,
	TWO_CONTS,                          /* a continuation */
	TOO_SHORT | OVERLONG_2, TOO_SHORT,  /* first of two */
	TOO_SHORT | OVERLONG_3 | SURROGATE, /* of three */
	TOO_SHORT | TOO_LARGE | OVERLONG_4, /* of four */
};

/* By its low half. */
static const unsigned char first_low[16] = {
	CARRY | OVERLONG_2 | OVERLONG_3 | OVERLONG_4,
	CARRY | OVERLONG_2,
	CARRY,
	CARRY,
	CARRY | TOO_LARGE,
	LARGE,
	LARGE,
	LARGE,
	LARGE,
	LARGE,
	LARGE,
	LARGE,
	LARGE,
	LARGE | SURROGATE,
	LARGE,
	LARGE,
};

/* Indexed by the high half of the next byte. */
static const unsigned char second_high[16] = {
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	CONT | OVERLONG_3 | OVERLONG_4,
	CONT | OVERLONG_3 | TOO_LARGE,
	CONT | SURROGATE | TOO_LARGE,
	CONT | SURROGATE | TOO_LARGE,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
	TOO_SHORT,
};

static __m128i
table(const unsigned char *t)
{
	return _mm_loadu_si128((const __m128i *)(const void *)t);
}

/* A 64-byte piece is two vectors here; `before` is the vector before v.
 * Non-zero bytes are wrong. */
static inline TARGET_AVX2 __m256i
utf8_avx2(__m256i v, __m256i before)
{
	const __m256i low_half = _mm256_set1_epi8(15);
	__m256i across = _mm256_permute2x128_si256(before, v, 0x21);
	__m256i prev1 = _mm256_alignr_epi8(v, across, 15);
	__m256i prev2 = _mm256_alignr_epi8(v, across, 14);
	__m256i prev3 = _mm256_alignr_epi8(v, across, 13);
	__m256i a =
	    _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table(first_high)),
		_mm256_and_si256(_mm256_srli_epi16(prev1, 4), low_half));
	__m256i b =
	    _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table(first_low)),
		_mm256_and_si256(prev1, low_half));
	__m256i c =
	    _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table(second_high)),
		_mm256_and_si256(_mm256_srli_epi16(v, 4), low_half));
	__m256i third = _mm256_subs_epu8(prev2, _mm256_set1_epi8(0xE0 - 0x80));
	__m256i fourth = _mm256_subs_epu8(prev3, _mm256_set1_epi8(0xF0 - 0x80));
	__m256i must = _mm256_and_si256(
	    _mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));

	return _mm256_xor_si256(
	    must, _mm256_and_si256(_mm256_and_si256(a, b), c));
}

static inline TARGET_AVX2 uint64_t
bits_avx2(__m256i a, __m256i b)
{
	return (uint64_t)(uint32_t)_mm256_movemask_epi8(a) |
	       (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

/* Controls, and DEL. */
static inline TARGET_AVX2 __m256i
odd_avx2(__m256i v)
{
	const __m256i last = _mm256_set1_epi8(0x1F);
	const __m256i delete = _mm256_set1_epi8(DELETE);

	return _mm256_or_si256(
	    _mm256_cmpeq_epi8(_mm256_max_epu8(v, last), last),
	    _mm256_cmpeq_epi8(v, delete));
}

/* Gives the same result as scan_pieces_plain(). */
static TARGET_AVX2 void
scan_pieces_avx2(const char *p, size_t n, struct scan_piece *pieces)
{
	const __m256i quote = _mm256_set1_epi8('"');
	const __m256i backslash = _mm256_set1_epi8('\\');
	const __m256i newline = _mm256_set1_epi8('\n');
	const __m256i c2 = _mm256_set1_epi8(C2);
	__m256i before = _mm256_setzero_si256(), a, b, wrong;
	bool wide = false, was_wide = false;
	size_t i;

	for (i = 0; i < n; i++, p += PIECE) {
		struct scan_piece *to = &pieces[i];

		a = _mm256_loadu_si256((const __m256i *)(const void *)p);
		b = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
		to->quotes = bits_avx2(
		    _mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote));
		to->backslashes = bits_avx2(_mm256_cmpeq_epi8(a, backslash),
		    _mm256_cmpeq_epi8(b, backslash));
		to->newlines = bits_avx2(_mm256_cmpeq_epi8(a, newline),
		    _mm256_cmpeq_epi8(b, newline));
		to->odd = ~to->newlines & bits_avx2(odd_avx2(a), odd_avx2(b));
		wide = _mm256_movemask_epi8(_mm256_or_si256(a, b)) != 0;
		if (wide || was_wide) {
			wrong = _mm256_or_si256(
			    utf8_avx2(a, before), utf8_avx2(b, a));
			to->odd |=
			    wide_controls(p, bits_avx2(_mm256_cmpeq_epi8(a, c2),
						 _mm256_cmpeq_epi8(b, c2)));
			if (!_mm256_testz_si256(wrong, wrong))
				to->odd = ~UINT64_C(0);
		}
		was_wide = wide;
		before = b;
	}
}

#endif

/* Entries that may be written after the end of the list. */
#define STEP 16

/* The data that one piece passes to the next. */
struct carry {
	uint64_t in_string; /* all ones: the piece begins in a string */
	uint64_t escaped;   /* 1: its first byte is escaped */
	const char *low;    /* where the low half of a surrogate pair must
			     * follow */
};

static void
grow_index(struct scan_index *x, size_t pieces)
{
	if (pieces <= x->cap)
		return;
	x->cap = pieces < 2 * x->cap ? 2 * x->cap : pieces;
	x->pieces = xrealloc(x->pieces, x->cap, sizeof *x->pieces);
	x->close =
	    xrealloc(x->close, x->cap * PIECE / 2 + STEP + 1, sizeof *x->close);
}

/* True if the escape at p is valid and not NUL. Both surrogates of a pair must
 * be escapes, the high one first. */
static bool
is_escape(const char *p, struct carry *s)
{
	int c;

	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return true;
	case 'u':
		break;
	default:
		return false;
	}
	c = hex_four(p + 2);
	if (c < 0xD800 || c > 0xDFFF)
		return c > 0;
	if (c > 0xDBFF)
		return p == s->low;
	if (p[6] != '\\' || p[7] != 'u')
		return false;
	c = hex_four(p + 8);
	s->low = p + 6;
	return c >= 0xDC00 && c <= 0xDFFF;
}

/* Removes the escaped quotes from the piece at p. A backslash escapes the next
 * byte if it ends a run of an odd number of backslashes; an addition that
 * carries through the run finds this (Geoff Langdale and Daniel Lemire, Parsing
 * Gigabytes of JSON per Second, 2019). */
static void
drop_escaped_quotes(struct scan_piece *piece, const char *p, struct carry *s)
{
	const uint64_t even = UINT64_C(0x5555555555555555);
	uint64_t first = piece->backslashes & ~s->escaped;
	uint64_t behind = first << 1 | s->escaped;
	uint64_t odd_starts = first & ~even & ~behind, sum, escaped, escapes;

	s->escaped = __builtin_add_overflow(odd_starts, first, &sum);
	escaped = (even ^ (sum << 1)) & behind;
	piece->quotes &= ~escaped;
	for (escapes = piece->backslashes & ~escaped; escapes != 0;
	     escapes &= escapes - 1)
		if (!is_escape(p + __builtin_ctzll(escapes), s))
			piece->odd |= 1;
}

/* Bit i of the result is set if the number of ones in bits 0..i is odd. */
static inline uint64_t
parity(uint64_t x)
{
	x ^= x << 1;
	x ^= x << 2;
	x ^= x << 4;
	x ^= x << 8;
	x ^= x << 16;
	x ^= x << 32;
	return x;
}

/* Writes the numbers of the set bits plus offset, and returns their count.
 * Writes eight at a time: there are seldom more, so no branch depends on their
 * number. */
static inline size_t
list_bits(uint32_t *to, uint64_t bits, uint32_t offset)
{
	const uint64_t top = UINT64_C(1) << 63;
	size_t n = (size_t)__builtin_popcountll(bits), i, k;

	for (i = 0; i < n || i == 0; i += 8)
		for (k = 0; k < 8; k++) {
			to[i + k] =
			    offset + (uint32_t)__builtin_ctzll(bits | top);
			bits &= bits - 1;
		}
	return n;
}

/* Makes the list from pieces [0..n). Returns the offset after the first newline
 * inside a string, or 0. */
static size_t
combine_pieces(struct scan_index *x, size_t n)
{
	struct carry s = { 0, 0, NULL };
	uint32_t *to = x->close;
	uint64_t inside, odd = 0, escapes = 0, cut;
	size_t i, end = 0;

	for (i = 0; i < n && end == 0; i++) {
		struct scan_piece *piece = &x->pieces[i];

		if ((piece->backslashes | s.escaped) != 0) {
			drop_escaped_quotes(piece, x->base + i * PIECE, &s);
			escapes = 1;
		}
		inside = parity(piece->quotes) ^ s.in_string;
		s.in_string = 0 - (inside >> 63);
		cut = piece->newlines & inside;
		if (UNLIKELY(cut != 0)) {
			cut &= 0 - cut;
			piece->quotes &= cut - 1;
			piece->odd |= 1;
			end = i * PIECE + (size_t)__builtin_ctzll(cut) + 1;
		}
		to += list_bits(
		    to, piece->quotes & ~inside, (uint32_t)(i * PIECE));
		odd |= piece->odd;
	}
	x->n = (size_t)(to - x->close);
	x->odd = odd != 0;
	x->escapes = escapes != 0;
	if (end == 0 && s.in_string != 0)
		x->odd = true;
	return end;
}

/* Fills the pieces for the first len bytes of the text; returns their
 * number. */
static size_t
find_pieces(struct scan_index *x, size_t len)
{
	size_t n = (len + PIECE - 1) / PIECE;

	grow_index(x, n);
	x->find(x->base, n, x->pieces);
	return n;
}

/* Only the first `left` bytes of the last piece i are text, so the bytes after
 * them may have made it odd. Examines the piece again without these bytes, but
 * with the character that may begin in the previous piece. */
static void
find_last_again(struct scan_index *x, size_t i, size_t left)
{
	const char *p = x->base + i * PIECE;
	char alone[2 * PIECE];
	struct scan_piece pieces[2];
	size_t before = i > 0 ? utf8_open(p) : 0;

	memset(alone, ' ', sizeof alone);
	memcpy(alone + PIECE - before, p - before, before + left);
	x->find(alone, 2, pieces);
	x->pieces[i].odd = pieces[1].odd;
}

/* Clears all bits after offset end; returns the number of pieces. */
static size_t
cut_pieces(struct scan_index *x, size_t end)
{
	size_t n = (end + PIECE - 1) / PIECE, left = end % PIECE;
	struct scan_piece *last = &x->pieces[n - 1];
	uint64_t mask;

	if (left == 0)
		return n;
	if (last->odd == ~UINT64_C(0))
		find_last_again(x, n - 1, left);
	mask = (UINT64_C(1) << left) - 1;
	last->quotes &= mask;
	last->backslashes &= mask;
	last->newlines &= mask;
	last->odd &= mask;
	return n;
}

/* Returns the offset after the last newline in pieces [0..n), or 0. */
static size_t
last_line_end(const struct scan_index *x, size_t n)
{
	while (n-- > 0)
		if (x->pieces[n].newlines != 0)
			return n * PIECE + 64 -
			       (size_t)__builtin_clzll(x->pieces[n].newlines);
	return 0;
}

/* Indexes complete lines from p on, where a line begins: WINDOW_PIECES, or at
 * least one line. There must be len > 0 bytes that end with a newline. Ends
 * early after a line that ends within a string; such a line is odd. */
static void
index_lines(struct scan_index *x, const char *p, size_t len)
{
	size_t want = WINDOW_PIECES * PIECE, end = 0, cut;

	x->base = p;
	for (; want < len && end == 0; want *= 2)
		end = last_line_end(x, find_pieces(x, want));
	if (end == 0) {
		(void)find_pieces(x, len);
		end = len;
	}
	cut = combine_pieces(x, cut_pieces(x, end));
	x->len = cut != 0 ? cut : end;
	/* Before the last newline. */
	x->close[x->n] = x->len > 1 ? (uint32_t)x->len - 2 : 0;
}

/* True if a piece with a byte from offset `from` to offset `to`, inclusive, is
 * odd. */
static inline bool
has_odd_piece(const struct scan_index *x, size_t from, size_t to)
{
	size_t i;

	for (i = from / PIECE; x->odd && i <= to / PIECE; i++)
		if (x->pieces[i].odd != 0)
			return true;
	return false;
}

/* True if there is a backslash in p[0..len), which is part of the text. */
static inline bool
has_escape(const struct scan_index *x, const char *p, size_t len)
{
	size_t from = (size_t)(p - x->base), bit = from % PIECE;
	const struct scan_piece *piece = &x->pieces[from / PIECE];
	uint64_t here = piece->backslashes >> bit;

	if (len <= PIECE - bit)
		return len > 0 && here << (PIECE - len) != 0;
	if (here != 0)
		return true;
	for (len -= PIECE - bit; len > PIECE; len -= PIECE)
		if ((++piece)->backslashes != 0)
			return true;
	return (++piece)->backslashes << (PIECE - len) != 0;
}

/* ---- the second pass: records ---- */

/* A record with more unknown keys is unusual. */
#define MOST_UNKNOWN 15

/* How the string of a field is stored. A string with fewer bytes than min, or
 * more than min + span, makes the record unusual. */
struct string_rule {
	uint32_t min, span;
	uint32_t offset; /* offset in struct record */
	uint16_t kind;   /* enum field_kind */
	bool ends_in_no_blank;
};

/* No string is longer. */
#define ANY_LENGTH ((uint32_t)INT32_MAX - 1)

/* Shared by all scanners; created once. */
struct scan_plan {
	const struct record_words *words;
	struct string_rule rules[KEYWORDS_NONE + 1];
	uint64_t meanings;        /* rows whose strings need conversion */
	uint64_t texts;           /* rows that may have escapes */
	uint64_t available, text; /* rows of these fields */
	struct record blank;
	size_t cleared; /* RECORD_CLEARED; a variable, because for a constant
			 * gcc emits a slow instruction to copy it */
};

/* The record that is being read. */
struct record_walk {
	struct scan *s;
	struct record *r;
	size_t k;       /* index of the next closing quote */
	uint64_t nulls; /* bits of keys whose value is null */
	uint64_t set;   /* bits of the other keys in the line */
	struct text unknown[MOST_UNKNOWN];
	size_t unknown_n;
};

static struct scan_plan plan;

/* Returns the offset of r->raw[i], where strings to be converted are stored.
 * The first one is shared; each of the others belongs to one field. */
static uint32_t
raw_offset(size_t i)
{
	if (i >= RECORD_RAW)
		prog_die(PROG_SOFTWARE, "RECORD_RAW is too small");
	return (
	    uint32_t)(offsetof(struct record, raw) + i * sizeof(struct text));
}

static void
plan_field(const struct record_field *f, struct string_rule *rule, uint64_t bit)
{
	rule->kind = (uint16_t)f->kind;
	rule->offset = raw_offset(0);
	switch (f->kind) {
	case FIELD_TENANT:
		rule->min = 1;
		rule->span = RECORD_MAX_TENANT - 1;
		plan.meanings |= bit;
		rule->offset = (uint32_t)f->offset;
		break;
	case FIELD_ID:
		rule->min = 1;
		rule->span = RECORD_MAX_ID - 1;
		rule->ends_in_no_blank = true;
		plan.texts |= bit;
		rule->offset = (uint32_t)f->offset;
		break;
	case FIELD_TEXT:
		rule->span = ANY_LENGTH;
		plan.texts |= bit;
		rule->offset = (uint32_t)f->offset;
		break;
	case FIELD_TIME:
	case FIELD_STATE:
	case FIELD_STATUS:
	case FIELD_FROM:
		rule->span = ANY_LENGTH;
		plan.meanings |= bit;
		rule->offset =
		    raw_offset((size_t)__builtin_popcountll(plan.meanings));
		break;
	case FIELD_COUNT:
	case FIELD_FLAG:
	case FIELD_JSON:
		rule->min = ANY_LENGTH + 1; /* a string is always wrong */
		break;
	}
}

static void
make_plan(void)
{
	struct string_rule *none = &plan.rules[KEYWORDS_NONE];
	struct string_rule *type = &plan.rules[RECORD_TYPE_KEY];
	size_t i;

	plan.words = record_words();
	plan.cleared = RECORD_CLEARED;
	record_clear(&plan.blank);
	none->kind = FIELD_TEXT;
	none->span = ANY_LENGTH;
	none->offset = raw_offset(0);
	*type = *none;
	type->offset = offsetof(struct record, type_name);
	for (i = 0; i < record_fields_n; i++) {
		plan_field(&record_fields[i], &plan.rules[i], BIT(i));
		if (record_fields[i].offset ==
		    offsetof(struct record, available))
			plan.available = BIT(i);
		if (record_fields[i].offset == offsetof(struct record, text))
			plan.text = BIT(i);
	}
}

void
scan_init(struct scan *s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t i;

	(void)pthread_once(&once, make_plan);
	memset(s, 0, sizeof *s);
	for (i = 0; i < SCAN_TENANTS; i++)
		keyword_set(&s->tenants[i], "", 0);
	s->index = xcalloc(1, sizeof *s->index);
	s->index->find = scan_pieces_plain;
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		s->index->find = scan_pieces_avx2;
#endif
	s->flat.keep = true;
}

void
scan_release(struct scan *s)
{
	free(s->index->close);
	free(s->index->pieces);
	free(s->index);
	s->index = NULL;
	flat_release(&s->flat);
	buf_release(&s->why);
}

void
scan_use_plain_code(struct scan *s)
{
	s->index->find = scan_pieces_plain;
}

void
scan_block(struct scan *s, const char *block, size_t len)
{
	arena_clear(&s->flat.copies);
	s->at = block;
	s->window = block;
	s->end = block + len;
}

/* Returns the record's member for a field. */
static void *
record_member(struct record *r, unsigned key)
{
	return (char *)r + record_fields[key].offset;
}

/* Reads the value at p, which is not a string, into *v; moves *k past the
 * strings in it. Returns its end, or NULL. */
static const char *
read_other_value(
    const struct scan_index *x, const char *p, size_t *k, struct flat_field *v)
{
	struct json_text t = { .p = p, .end = x->base + x->len };

	v->kind = flat_kind_of(*p);
	/* Blanks between its parts may not reach into the next line. */
	if (v->kind == FLAT_JSON)
		t.end = memchr(p, '\n', (size_t)(t.end - p));
	if (!json_text_value(&t))
		return NULL;
	while (*k < x->n && x->base + x->close[*k] < t.p)
		++*k;
	v->val = p;
	v->val_len = (size_t)(t.p - p);
	return t.p;
}

/* Reads and stores a value that is not a string; returns its end, or NULL. */
static const char *
walk_other(struct record_walk *w, unsigned key, const char *p)
{
	struct flat_field v = { .raw = p };
	const char *end = read_other_value(w->s->index, p, &w->k, &v);

	if (v.kind == FLAT_NULL)
		w->nulls |= BIT(key);
	if (end == NULL || v.kind == FLAT_NULL || key == KEYWORDS_NONE)
		return end;
	return key != RECORD_TYPE_KEY &&
		       record_read_field(&record_fields[key], &v, w->r) == NULL
		   ? end
		   : NULL;
}

/* Moves p past the colon after a key, and a space. Returns false if there is no
 * colon. *is_string: a string begins there. */
static inline bool
enter_value(const char **p, bool *is_string)
{
	*is_string = memcmp(*p, ":\"", 2) == 0;
	if (*is_string) {
		*p += 1;
		return true;
	}
	if (**p != ':')
		return false;
	*p += 1 + ((*p)[1] == ' ');
	*is_string = **p == '"';
	return true;
}

/* Moves p past the comma after a value, and a space. Returns false if there is
 * no comma, or no key after it; p then stays. */
static inline bool
enter_key(const char **p)
{
	const char *next = *p + 1;

	if (memcmp(*p, ",\"", 2) != 0) {
		if (**p != ',')
			return false;
		next += *next == ' ';
		if (*next != '"')
			return false;
	}
	*p = next;
	return true;
}

/* Reads and stores the members from p on; returns the closing brace, or NULL.
 * It is one function with its state in local variables, because the compiler
 * must assume that storing a text changes everything else. A missing quote is
 * detected by the next byte. */
static const char *
walk_members(struct record_walk *w, const char *p)
{
	const struct scan_index *x = w->s->index;
	const struct keywords *keys = &plan.words->keys;
	const char *base = x->base;
	const uint32_t *close = x->close + w->k;
	char *record = (char *)w->r;
	uint64_t seen = 0, before;
	size_t n = 0;

	w->nulls = 0;
	if (*p != '"')
		return NULL;
	do {
		const struct string_rule *rule;
		const char *end = base + *close;
		struct text t = { p + 1, (size_t)(end - p - 1) };
		unsigned key = keywords_find(keys, t.p, t.len);
		bool is_string;

		if (UNLIKELY(key == KEYWORDS_NONE)) {
			if (n == MOST_UNKNOWN)
				return NULL;
			w->unknown[n++] = t;
		} else {
			before = seen;
			seen |= BIT(key);
			if (UNLIKELY(seen == before))
				return NULL;
		}
		p = end + 1;
		if (UNLIKELY(!enter_value(&p, &is_string)))
			return NULL;
		if (is_string) {
			end = base + close[1];
			close += 2;
			rule = &plan.rules[key];
			t.p = p + 1;
			t.len = (size_t)(end - t.p);
			if (UNLIKELY((uint32_t)t.len - rule->min > rule->span))
				return NULL;
			if (UNLIKELY(end[-1] == ' ') && rule->ends_in_no_blank)
				return NULL;
			*(struct text *)(void *)(record + rule->offset) = t;
			p = end + 1;
		} else {
			w->k = (size_t)(close + 1 - x->close);
			p = walk_other(w, key, p);
			if (p == NULL)
				return NULL;
			close = x->close + w->k;
		}
	} while (enter_key(&p));
	w->set = seen & ~w->nulls;
	w->unknown_n = n;
	w->k = (size_t)(close - x->close);
	return *p == '}' && p[1] == '\n' ? p : NULL;
}

/* Valid names are cached by their length and last byte, because most names
 * differ in these. */
static bool
is_other_tenant(struct scan *s, struct text t)
{
	size_t slot =
	    (5 * t.len + (unsigned char)t.p[t.len - 1]) % SCAN_TENANTS;
	struct keyword *known = &s->tenants[slot];

	if (!keyword_is(known, t.p)) {
		if (!parse_is_name_n(t.p, t.len, RECORD_MAX_TENANT))
			return false;
		if (t.len >= sizeof known->start)
			return true;
		keyword_set(known, t.p, t.len);
	}
	s->tenant = slot;
	return true;
}

/* True for a valid name. Usually it is the tenant of the previous record. */
static bool
is_tenant(struct scan *s, struct text t)
{
	return keyword_is(&s->tenants[s->tenant], t.p) || is_other_tenant(s, t);
}

/* Converts strings that have another type in the record. */
static bool
read_meanings(struct record_walk *w, uint64_t rows)
{
	struct flat_field v = { .kind = FLAT_STRING };
	const struct string_rule *rule;
	struct text t;
	size_t i;

	for (; rows != 0; rows &= rows - 1) {
		i = (size_t)__builtin_ctzll(rows);
		rule = &plan.rules[i];
		t = *(struct text *)(void *)((char *)w->r + rule->offset);
		v.val = t.p;
		v.val_len = t.len;
		if (rule->kind == FIELD_TENANT
			? !is_tenant(w->s, t)
			: record_read_field(&record_fields[i], &v, w->r) !=
			      NULL)
			return false;
	}
	return true;
}

/* Replaces the escapes in the texts of a line. They are regular only in
 * FIELD_TEXT; an unknown key with escapes may be a known one. */
static bool
unescape_texts(struct record_walk *w, uint64_t rows)
{
	size_t i;

	if (w->s->skips_text)
		rows &= ~plan.text;
	for (i = 0; i < w->unknown_n; i++)
		if (has_escape(w->s->index, w->unknown[i].p, w->unknown[i].len))
			return false;
	for (; rows != 0; rows &= rows - 1) {
		unsigned key = (unsigned)__builtin_ctzll(rows);
		struct text *t = record_member(w->r, key);

		if (!has_escape(w->s->index, t->p, t->len))
			continue;
		if (plan.rules[key].kind != FIELD_TEXT)
			return false;
		t->p = flat_unescape(&w->s->flat, t->p, &t->len);
	}
	return true;
}

/* Clears fields that the record's type does not have. Times and words are not
 * converted yet. */
static void
clear_fields(struct record *r, uint64_t rows)
{
	static const size_t sizes[] = {
		[FIELD_TENANT] = sizeof(struct text),
		[FIELD_ID] = sizeof(struct text),
		[FIELD_TEXT] = sizeof(struct text),
		[FIELD_COUNT] = sizeof(int64_t),
		[FIELD_FLAG] = sizeof(bool),
		[FIELD_JSON] = sizeof(struct text),
	};
	const struct record_field *f;

	for (; rows != 0; rows &= rows - 1) {
		f = &record_fields[__builtin_ctzll(rows)];
		memcpy((char *)r + f->offset, (char *)&plan.blank + f->offset,
		    sizes[f->kind]);
	}
}

/* Called after all members: determines whether the record is regular, and
 * converts the remaining values. Of rows, markers and unknown types, callers
 * need all fields, so record_parse() reads them. */
static bool
finish_record(struct record_walk *w, const char *line, size_t len)
{
	const struct scan_index *x = w->s->index;
	struct record *r = w->r;
	uint64_t fields = w->set & (BIT(RECORD_TYPE_KEY) - 1), mine;
	unsigned type;

	if ((w->set & BIT(RECORD_TYPE_KEY)) == 0)
		return false;
	type =
	    keywords_find(&plan.words->types, r->type_name.p, r->type_name.len);
	if (type == KEYWORDS_NONE)
		type = RECORD_UNKNOWN;
	mine = fields & plan.words->may[type];
	r->type = (enum record_type)type;
	if (type == RECORD_UNKNOWN || type == RECORD_SNAPSHOT ||
	    type == RECORD_ROW || (plan.words->must[type] & ~mine) != 0)
		return false;
	if (UNLIKELY(fields != mine))
		clear_fields(r, fields & ~mine);
	r->has_available =
	    r->type == RECORD_OPERATOR && (w->set & plan.available) != 0;
	return read_meanings(w, mine & plan.meanings) &&
	       r->max_chats <= RECORD_MAX_COUNT &&
	       r->reported_open_chats <= RECORD_MAX_COUNT &&
	       (!x->escapes || !has_escape(x, line, len) ||
		   unescape_texts(w, mine & plan.texts));
}

/* Reads a regular record; returns false for an unusual one. */
static bool
take_fast(struct scan *s, struct record *r)
{
	static const char row[] = "{\"type\":\"row\"";
	const char *end;
	struct record_walk w;

	w.s = s;
	w.r = r;
	w.k = s->k;
	memcpy(r, &plan.blank, plan.cleared);
	/* A row is passed to the parser; do not read it twice. */
	if (*s->at != '{' || memcmp(s->at, row, sizeof row - 1) == 0)
		return false;
	end = walk_members(&w, s->at + 1);
	if (end == NULL)
		return false;
	s->len = (size_t)(end + 1 - s->at);
	if (has_odd_piece(s->index, (size_t)(s->at - s->index->base),
		(size_t)(end + 1 - s->index->base)))
		return false;
	if (!finish_record(&w, s->at, s->len))
		return false;
	s->k = w.k;
	s->at = end + 2;
	s->fast++;
	return true;
}

static int
take_by_parser(struct scan *s, struct record *r)
{
	const struct scan_index *x = s->index;
	const char *end = x->base + x->len;
	const char *nl = memchr(s->at, '\n', (size_t)(end - s->at));

	s->len = (size_t)(nl - s->at);
	s->at = nl + 1;
	while (s->k < x->n && x->base + x->close[s->k] < s->at)
		s->k++;
	s->slow++;
	buf_clear(&s->why);
	return record_parse(r, &s->flat, s->line, s->len, &s->why) == 0 ? 1
									: -1;
}

int
scan_record(struct scan *s, struct record *r)
{
	if (s->at == s->window) {
		if (s->at == s->end)
			return 0;
		index_lines(s->index, s->at, (size_t)(s->end - s->at));
		s->window = s->at + s->index->len;
		s->k = 0;
	}
	s->line = s->at;
	s->flat.n = 0;
	return take_fast(s, r) ? 1 : take_by_parser(s, r);
}
