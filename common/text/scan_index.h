/*
 * scan_index: indexes where the strings of some lines end. The text is examined
 * 64 bytes (a piece) at a time (scan_pieces.h). The result is the list of all
 * closing quotes in their order, and which pieces are odd: they have a bad
 * escape, a control byte, or bytes that are not UTF-8.
 *
 * A reader that starts outside of strings, in a whole line that is not odd, and
 * reads every byte outside of strings, may take the end of each string from the
 * list: unescaped quotes come in pairs, so that the next closing quote belongs
 * to the next opening one.
 */
#ifndef COMMON_TEXT_SCAN_INDEX_H
#define COMMON_TEXT_SCAN_INDEX_H

#include "common/text/scan_pieces.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan_index {
	const char *base; /* borrowed: the text */
	size_t len;
	uint32_t *close; /* offsets of closing quotes */
	size_t n;        /* close[n] is a sentinel: the byte behind it may not
			    follow a string */
	bool odd;        /* some piece is odd */
	bool escapes;    /* there is a backslash */

	/* Private. */
	struct scan_piece *pieces;
	size_t cap; /* pieces */
	scan_pieces_fn *find;
	size_t (*combine)(struct scan_index *x, size_t n);
};

/* 64 bytes behind any text must be readable. */
void scan_index_init(struct scan_index *x);
void scan_index_release(struct scan_index *x);

/* Indexes whole lines from p, where a line begins, some thousand bytes or one
 * line at least. len > 0 bytes are there, of which a newline is the last.
 * Ends early behind a line that ends within a string; that line is odd. */
void scan_index_lines(struct scan_index *x, const char *p, size_t len);

/* Indexes one line without newline. False: it is odd or ends in a string; the
 * index is not valid then. */
bool scan_index_line(struct scan_index *x, const char *p, size_t len)
    __attribute__((warn_unused_result));

/* Is a piece odd that has a byte from offset `from` to offset `to`,
 * inclusive? */
static inline bool
scan_is_odd(const struct scan_index *x, size_t from, size_t to)
{
	size_t i;

	for (i = from / SCAN_PIECE; x->odd && i <= to / SCAN_PIECE; i++)
		if (x->pieces[i].odd != 0)
			return true;
	return false;
}

/* Is there a backslash in p[0..len), which is part of the text? */
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

#endif
