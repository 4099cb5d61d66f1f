/*
 * scan_pieces: finds the bytes that matter to a reader of JSON, 64 at a time,
 * as one bit a byte for each kind, and checks that all text is UTF-8. Wide
 * instructions speed this up, so there are variants for several processors; the
 * best one is chosen at run time. All give the same result. scan_pieces.c and
 * scan_x86.c call each other: the one chooses, the other shares its check.
 */
#ifndef COMMON_TEXT_SCAN_PIECES_H
#define COMMON_TEXT_SCAN_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_PIECE 64

#define SCAN_DELETE 0x7F /* a control character, too */
#define SCAN_C2 ((char)0xC2)

/* Bit i stands for byte i. */
struct scan_piece {
	uint64_t quotes;
	uint64_t backslashes;
	uint64_t newlines;
	uint64_t odd; /* control characters but newlines; all ones when
			 bytes are not UTF-8 that end here or nearly so */
};

/* The control characters U+0080 to U+009F: of the bytes 0xC2, each a bit, those
 * that begin one. */
static inline uint64_t
scan_controls(const char *p, uint64_t c2)
{
	uint64_t controls = 0;

	for (; c2 != 0; c2 &= c2 - 1)
		if ((unsigned char)p[__builtin_ctzll(c2) + 1] < 0xA0)
			controls |= c2 & (0 - c2);
	return controls;
}

/* Examines n pieces from p on, as one text. Bytes that are not UTF-8 mark the
 * piece with the first wrong byte; for a cut character that is the byte behind
 * it. So a character that the end of the last piece cuts is not noticed. */
typedef void scan_pieces_fn(const char *p, size_t n, struct scan_piece *pieces);

/* Instructions that the processor has for making a list of bits. */
enum scan_listing {
	SCAN_LISTS_PLAINLY,
	SCAN_LISTS_BITS,  /* x86: POPCNT, BMI1 and PCLMULQDQ */
	SCAN_LISTS_BYTES, /* AVX-512 VBMI2, too: all of a piece at once */
};

struct scan_variant {
	const char *name;
	scan_pieces_fn *find;
	enum scan_listing listing;
};

/* The one to use: the best that this processor has, or the chosen one. */
const struct scan_variant *scan_variant(void);

/* Selects one for all later calls, NULL: the best; for tests and measurements.
 * -1: there is no such variant, or not on this processor. */
int scan_variant_choose(const char *name) __attribute__((warn_unused_result));

/* The i-th variant that this processor has, the best first; NULL: no more. */
const struct scan_variant *scan_variant_list(size_t i);

/* Those for x86; private. */
#ifdef __x86_64__
scan_pieces_fn scan_pieces_avx512;
scan_pieces_fn scan_pieces_avx2;
scan_pieces_fn scan_pieces_sse2;
#endif

/* For variants that check UTF-8 byte by byte: the pieces that hold more than
 * ASCII and were not checked yet. Private. */
struct scan_wide {
	const char *text; /* where they begin, NULL: there are none */
	struct scan_piece *pieces;
};

/* Checks these pieces, which end at `end`. They stand between pieces of plain
 * ASCII and are checked alone. cut: the text ends there, and may end within a
 * character. */
void scan_wide_check(struct scan_wide *w, const char *end, bool cut);

#endif
