/*
 * scan_pieces: the variant in plain C, and the choice of a variant; see
 * scan_pieces.h.
 */
#include "common/text/scan_pieces.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"

#define ONES UINT64_C(0x0101010101010101)
#define LOWS UINT64_C(0x7F7F7F7F7F7F7F7F)
#define HIGHS UINT64_C(0x8080808080808080)

void
scan_wide_check(struct scan_wide *w, const char *end, bool cut)
{
	size_t n = (size_t)(end - w->text) / SCAN_PIECE, i;

	if (cut)
		end -= parse_utf8_open(end);
	if (!parse_is_utf8(w->text, (size_t)(end - w->text)))
		for (i = 0; i < n; i++)
			w->pieces[i].odd = ~UINT64_C(0);
	w->text = NULL;
}

/* Eight bytes, the first in memory lowest. */
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

/* The high bits of eight bytes, gathered into eight bits. */
static uint64_t
gather_high_bits(uint64_t x)
{
	return ((x & HIGHS) >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

/* High bits where bytes are equal to c. */
static uint64_t
equal(uint64_t x, unsigned char c)
{
	x ^= ONES * c;
	return ~(((x & LOWS) + LOWS) | x);
}

/* High bits where bytes are below 0x20, or DEL. */
static uint64_t
control(uint64_t x)
{
	return ~(((x & LOWS) + ONES * (0x80 - 0x20)) | x) |
	       equal(x, SCAN_DELETE);
}

static void
pieces_plain(const char *p, size_t n, struct scan_piece *pieces)
{
	struct scan_wide wide = { NULL, NULL };
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
		if (high == 0 && wide.text != NULL) {
			scan_wide_check(&wide, p, false);
		} else if (high != 0 && wide.text == NULL) {
			wide.text = p;
			wide.pieces = &pieces[i];
		}
	}
	if (wide.text != NULL)
		scan_wide_check(&wide, p, true);
}

static bool
is_usable(const struct scan_variant *v)
{
#ifdef __x86_64__
	if (v->listing != SCAN_LISTS_PLAINLY &&
	    !(__builtin_cpu_supports("popcnt") &&
		__builtin_cpu_supports("bmi") &&
		__builtin_cpu_supports("pclmul")))
		return false;
	if (v->listing == SCAN_LISTS_BYTES &&
	    !__builtin_cpu_supports("avx512vbmi2"))
		return false;
	if (v->find == scan_pieces_avx512)
		return __builtin_cpu_supports("avx512bw") != 0;
	if (v->find == scan_pieces_avx2)
		return __builtin_cpu_supports("avx2") != 0;
#endif
	return v->find != NULL;
}

/* The best first. */
static const struct scan_variant variants[] = {
#ifdef __x86_64__
	{ "avx512vbmi2", scan_pieces_avx512, SCAN_LISTS_BYTES },
	{ "avx512", scan_pieces_avx512, SCAN_LISTS_BITS },
	{ "avx2", scan_pieces_avx2, SCAN_LISTS_BITS },
	{ "sse2", scan_pieces_sse2, SCAN_LISTS_PLAINLY },
#endif
	{ "plain", pieces_plain, SCAN_LISTS_PLAINLY },
};

static const struct scan_variant *_Atomic chosen;

const struct scan_variant *
scan_variant_list(size_t i)
{
	size_t k;

	for (k = 0; k < ARRAY_LEN(variants); k++)
		if (is_usable(&variants[k]) && i-- == 0)
			return &variants[k];
	return NULL;
}

const struct scan_variant *
scan_variant(void)
{
	const struct scan_variant *v = atomic_load(&chosen);

	return v != NULL ? v : scan_variant_list(0);
}

int
scan_variant_choose(const char *name)
{
	const struct scan_variant *v = NULL;
	size_t i;

	for (i = 0; name != NULL; i++) {
		v = scan_variant_list(i);
		if (v == NULL)
			return -1;
		if (strcmp(v->name, name) == 0)
			break;
	}
	atomic_store(&chosen, v);
	return 0;
}
