/*
 * scan_index: see scan_index.h. The bits for each piece in plain C, and the
 * list of closing quotes made from them.
 */
#include "common/text/scan_index.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"

/* Number of pieces that are indexed together, so that text, index and records
 * fit into the first-level cache. */
#define WINDOW_PIECES ((size_t)128)

/* Entries that may be written after the end of the list. */
#define STEP 16

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
	return ~(((x & LOWS) + ONES * (0x80 - 0x20)) | x) |
	       equal(x, SCAN_DELETE);
}

/* Checks the pieces [from, to), which are not plain ASCII and lie between
 * pieces that are, so they can be checked separately. Their text ends at `end`.
 * cut: the text ends there, possibly within a character. */
static void
check_wide(
    struct scan_piece *from, struct scan_piece *to, const char *end, bool cut)
{
	const char *text = end - (size_t)(to - from) * SCAN_PIECE;

	if (cut)
		end -= parse_utf8_open(end);
	if (!parse_is_utf8(text, (size_t)(end - text)))
		for (; from < to; from++)
			from->odd = ~UINT64_C(0);
}

void
scan_pieces_plain(const char *p, size_t n, struct scan_piece *pieces)
{
	struct scan_piece *wide = NULL;
	uint64_t x, high, low, c2;
	size_t i, k;

	for (i = 0; i < n; i++, p += SCAN_PIECE) {
		struct scan_piece one = { 0, 0, 0, 0 };

		high = 0;
		low = 0;
		c2 = 0;
		for (k = 0; k < SCAN_PIECE; k += 8) {
			x = load_eight(p + k);
			one.quotes |= gather_high_bits(equal(x, '"')) << k;
			one.backslashes |= gather_high_bits(equal(x, '\\'))
					   << k;
			one.newlines |= gather_high_bits(equal(x, '\n')) << k;
			low |= gather_high_bits(control(x)) << k;
			c2 |= gather_high_bits(equal(x, 0xC2)) << k;
			high |= x & HIGHS;
		}
		one.odd = (low & ~one.newlines) | scan_controls(p, c2);
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
	x->close = xrealloc(
	    x->close, x->cap * SCAN_PIECE / 2 + STEP + 1, sizeof *x->close);
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
			drop_escaped_quotes(
			    piece, x->base + i * SCAN_PIECE, &s);
			escapes = 1;
		}
		inside = parity(piece->quotes) ^ s.in_string;
		s.in_string = 0 - (inside >> 63);
		cut = piece->newlines & inside;
		if (__builtin_expect(cut != 0, 0)) {
			cut &= 0 - cut;
			piece->quotes &= cut - 1;
			piece->odd |= 1;
			end = i * SCAN_PIECE + (size_t)__builtin_ctzll(cut) + 1;
		}
		to += list_bits(
		    to, piece->quotes & ~inside, (uint32_t)(i * SCAN_PIECE));
		odd |= piece->odd;
	}
	x->n = (size_t)(to - x->close);
	x->odd = odd != 0;
	x->escapes = escapes != 0;
	if (end == 0 && s.in_string != 0)
		x->odd = true;
	return end;
}

void
scan_index_init(struct scan_index *x)
{
	memset(x, 0, sizeof *x);
	x->find = scan_pieces_plain;
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		x->find = scan_pieces_avx2;
#endif
}

void
scan_index_release(struct scan_index *x)
{
	free(x->close);
	free(x->pieces);
	x->close = NULL;
	x->pieces = NULL;
	x->cap = 0;
}

/* Fills the pieces for the first len bytes of the text; returns their
 * number. */
static size_t
find_pieces(struct scan_index *x, size_t len)
{
	size_t n = (len + SCAN_PIECE - 1) / SCAN_PIECE;

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
	const char *p = x->base + i * SCAN_PIECE;
	char alone[2 * SCAN_PIECE];
	struct scan_piece pieces[2];
	size_t before = i > 0 ? parse_utf8_open(p) : 0;

	memset(alone, ' ', sizeof alone);
	memcpy(alone + SCAN_PIECE - before, p - before, before + left);
	x->find(alone, 2, pieces);
	x->pieces[i].odd = pieces[1].odd;
}

/* Clears all bits after offset end; returns the number of pieces. */
static size_t
cut_pieces(struct scan_index *x, size_t end)
{
	size_t n = (end + SCAN_PIECE - 1) / SCAN_PIECE, left = end % SCAN_PIECE;
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
			return n * SCAN_PIECE + 64 -
			       (size_t)__builtin_clzll(x->pieces[n].newlines);
	return 0;
}

void
scan_index_lines(struct scan_index *x, const char *p, size_t len)
{
	size_t want = WINDOW_PIECES * SCAN_PIECE, end = 0, cut;

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
