/*
 * scan_x86: pieces of scan_index.h with the instructions of AVX2, which x86
 * processors have since 2013.
 *
 * UTF-8: John Keiser and Daniel Lemire, Validating UTF-8 In Less Than One
 * Instruction Per Byte (2020). Three tables of sixteen entries, indexed by the
 * high and low half of a byte and by the high half of the next one, each give
 * the errors that are possible; an error is certain if it is in all three.
 * Bytes that must be the third or fourth of a character are compared with those
 * that may be. ASCII after ASCII needs no check.
 */
#include "common/text/scan_index.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <stdbool.h>

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
	const __m256i delete = _mm256_set1_epi8(SCAN_DELETE);

	return _mm256_or_si256(
	    _mm256_cmpeq_epi8(_mm256_max_epu8(v, last), last),
	    _mm256_cmpeq_epi8(v, delete));
}

TARGET_AVX2 void
scan_pieces_avx2(const char *p, size_t n, struct scan_piece *pieces)
{
	const __m256i quote = _mm256_set1_epi8('"');
	const __m256i backslash = _mm256_set1_epi8('\\');
	const __m256i newline = _mm256_set1_epi8('\n');
	const __m256i c2 = _mm256_set1_epi8(SCAN_C2);
	__m256i before = _mm256_setzero_si256(), a, b, wrong;
	bool wide = false, was_wide = false;
	size_t i;

	for (i = 0; i < n; i++, p += SCAN_PIECE) {
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
			    scan_controls(p, bits_avx2(_mm256_cmpeq_epi8(a, c2),
						 _mm256_cmpeq_epi8(b, c2)));
			if (!_mm256_testz_si256(wrong, wrong))
				to->odd = ~UINT64_C(0);
		}
		was_wide = wide;
		before = b;
	}
}

#endif
