/*
 * scan_pieces: the first look at text, 64 bytes at a time: one bit a byte for
 * each kind of byte that matters to a reader of JSON, and whether all of it is
 * UTF-8. This is where the widest instructions pay that the processor has, so
 * there are several variants of it, of which the best is chosen at run time;
 * all give the same answer.
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

/* Looks at n pieces from p on, as one text. What is not UTF-8 is found in the
 * piece where it goes wrong: a character that was cut, in that of the byte
 * that follows. So bytes that are cut by the end of the last piece are not
 * noticed. */
typedef void scan_pieces_fn(const char *p, size_t n, struct scan_piece *pieces);

/* Instructions that the processor has for making a list of bits. */
enum scan_listing {
	SCAN_LISTS_PLAINLY,
	SCAN_LISTS_BITS,  /* x86: POPCNT and BMI1 */
	SCAN_LISTS_BYTES, /* AVX-512 VBMI2, too: all of a piece at once */
};

struct scan_variant {
	const char *name;
	scan_pieces_fn *find;
	enum scan_listing listing;
};

/* The one to use: the best that this processor has, or the chosen one. */
const struct scan_variant *scan_variant(void);

/* Chooses one for all who ask from now on, NULL the best again; for tests and
 * measurements. -1: no such variant, or not on this processor. */
int scan_variant_choose(const char *name) __attribute__((warn_unused_result));

/* Number i of those this processor has, the best first; NULL: no more. */
const struct scan_variant *scan_variant_list(size_t i);

/* Those for x86; private. */
#ifdef __x86_64__
scan_pieces_fn scan_pieces_avx512;
scan_pieces_fn scan_pieces_avx2;
scan_pieces_fn scan_pieces_sse2;
#endif

/* Of a variant that looks at UTF-8 byte by byte: the pieces that hold more
 * than ASCII and were not looked at yet. Private. */
struct scan_wide {
	const char *text; /* where they begin, NULL: there are none */
	struct scan_piece *pieces;
};

/* Looks at them; `end` is where they end. A run of them stands between pieces
 * of plain ASCII, so it is judged alone; at the end of the text (cut) its last
 * character may be cut. */
void scan_wide_check(struct scan_wide *w, const char *end, bool cut);

#endif
