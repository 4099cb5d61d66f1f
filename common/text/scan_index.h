/*
 * scan_index: indexes the ends of the strings in some lines. The text is
 * examined 64 bytes (a piece) at a time: one bit per byte for each kind of byte
 * that matters to a JSON reader. The result is the list of all closing quotes
 * in order, and the pieces that are odd because they have a bad escape, a
 * control byte, or bytes that are not UTF-8.
 *
 * A reader that starts outside strings, in a complete line that is not odd, and
 * reads every byte outside strings, may take the end of each string from the
 * list: unescaped quotes come in pairs, so the next closing quote belongs to
 * the next opening one.
 */
#ifndef COMMON_TEXT_SCAN_INDEX_H
#define COMMON_TEXT_SCAN_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCAN_PIECE 64

#define SCAN_DELETE 0x7F /* a control character, too */
#define SCAN_C2 ((char)0xC2)

/* Bit i stands for byte i. */
struct scan_piece {
	uint64_t quotes;
	uint64_t backslashes;
	uint64_t newlines;
	uint64_t odd; /* control characters except newlines; all ones if invalid
		       * UTF-8 ends here or shortly before */
};

/* Finds the control characters U+0080 to U+009F: of the bytes 0xC2, each given
 * as a bit, those that begin one. */
static inline uint64_t
scan_controls(const char *p, uint64_t c2)
{
	uint64_t controls = 0;

	for (; c2 != 0; c2 &= c2 - 1)
		if ((unsigned char)p[__builtin_ctzll(c2) + 1] < 0xA0)
			controls |= c2 & (0 - c2);
	return controls;
}

/* Examines n pieces from p on as one text. Invalid UTF-8 marks the piece with
 * the first wrong byte; for a truncated character that is the byte after it.
 * Therefore a character that is truncated by the end of the last piece is not
 * detected. The first function runs everywhere, the second is faster and needs
 * AVX2; both give the same result. */
typedef void scan_pieces_fn(const char *p, size_t n, struct scan_piece *pieces);
scan_pieces_fn scan_pieces_plain;
#ifdef __x86_64__
scan_pieces_fn scan_pieces_avx2;
#endif

struct scan_index {
	const char *base; /* borrowed: the text */
	size_t len;
	uint32_t *close; /* offsets of closing quotes */
	size_t n;        /* close[n] is a sentinel: no string may be followed by
			  * the byte after it */
	bool odd;        /* a piece is odd */
	bool escapes;    /* there is a backslash */

	/* Private. */
	struct scan_piece *pieces;
	size_t cap;           /* pieces */
	scan_pieces_fn *find; /* the fastest on this processor */
};

/* 64 bytes after any text must be readable. */
void scan_index_init(struct scan_index *x);
void scan_index_release(struct scan_index *x);

/* Indexes complete lines from p on, where a line begins: a few thousand bytes,
 * or at least one line. There must be len > 0 bytes that end with a newline.
 * Ends early after a line that ends within a string; such a line is odd. */
void scan_index_lines(struct scan_index *x, const char *p, size_t len);

/* True if a piece with a byte from offset `from` to offset `to`, inclusive, is
 * odd. */
static inline bool
scan_is_odd(const struct scan_index *x, size_t from, size_t to)
{
	size_t i;

	for (i = from / SCAN_PIECE; x->odd && i <= to / SCAN_PIECE; i++)
		if (x->pieces[i].odd != 0)
			return true;
	return false;
}

/* True if there is a backslash in p[0..len), which is part of the text. */
static inline bool
scan_has_escape(const struct scan_index *x, const char *p, size_t len)
{
	size_t from = (size_t)(p - x->base), bit = from % SCAN_PIECE;
	const struct scan_piece *piece = &x->pieces[from / SCAN_PIECE];
	uint64_t here = piece->backslashes >> bit;

	if (len <= SCAN_PIECE - bit)
		return len > 0 && here << (SCAN_PIECE - len) != 0;
	if (here != 0)
		return true;
	for (len -= SCAN_PIECE - bit; len > SCAN_PIECE; len -= SCAN_PIECE)
		if ((++piece)->backslashes != 0)
			return true;
	return (++piece)->backslashes << (SCAN_PIECE - len) != 0;
}

/* True if the text at p begins with the n letters. If n is a constant 2 or 4,
 * this is one comparison. */
static inline bool
scan_begins(const char *p, const char *letters, size_t n)
{
	return memcmp(p, letters, n) == 0;
}

#endif
