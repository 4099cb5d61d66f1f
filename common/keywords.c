/*
 * keywords: finds the multiplier of a perfect hash by trying; see keywords.h.
 * For forty words in 256 slots about every twentieth will do.
 */
#include "common/keywords.h"

#include <stdbool.h>

#include "common/prog.h"

#define TRIES 1000000

/* The first n bytes in memory of a number, n from 1 to 8. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FIRST(n) (~UINT64_C(0) >> (64 - 8 * (n)))
#else
#define FIRST(n) (~UINT64_C(0) << (64 - 8 * (n)))
#endif
#define ALL (~UINT64_C(0))

const uint64_t keywords_masks[KEYWORDS_READ + 1][2] = {
	{ 0, 0 },
	{ FIRST(1), 0 },
	{ FIRST(2), 0 },
	{ FIRST(3), 0 },
	{ FIRST(4), 0 },
	{ FIRST(5), 0 },
	{ FIRST(6), 0 },
	{ FIRST(7), 0 },
	{ ALL, 0 },
	{ ALL, FIRST(1) },
	{ ALL, FIRST(2) },
	{ ALL, FIRST(3) },
	{ ALL, FIRST(4) },
	{ ALL, FIRST(5) },
	{ ALL, FIRST(6) },
	{ ALL, FIRST(7) },
	{ ALL, ALL },
};

static void
clear(struct keywords *w)
{
	size_t i;

	memset(w->slot, 0, sizeof w->slot);
	for (i = 0; i < sizeof w->slot / sizeof w->slot[0]; i++)
		w->slot[i].number = KEYWORDS_NONE;
}

/* False when its slot is taken. */
static bool
place(struct keywords *w, const char *name, size_t number)
{
	struct keyword new = { .text = name, .number = (uint32_t)number };
	char bytes[KEYWORDS_READ] = "";
	size_t len = strlen(name), i;

	memcpy(bytes, name, len < KEYWORDS_READ ? len : KEYWORDS_READ);
	new.len = (uint32_t)len;
	new.low = keywords_load(bytes);
	new.high = keywords_load(bytes + 8);
	i = keywords_slot(new.low, new.high, w->multiplier);
	if (w->slot[i].number != KEYWORDS_NONE)
		return false;
	w->slot[i] = new;
	return true;
}

static bool
place_all(struct keywords *w, const char *const *names, size_t n)
{
	size_t i;

	clear(w);
	for (i = 0; i < n; i++)
		if (names[i] != NULL && names[i][0] != '\0' &&
		    !place(w, names[i], i))
			return false;
	return true;
}

void
keywords_init(struct keywords *w, const char *const *names, size_t n)
{
	size_t i;

	/* The golden ratio, then ever other odd numbers. */
	w->multiplier = UINT64_C(0x9E3779B97F4A7C15);
	for (i = 0; n <= KEYWORDS_NONE && i < TRIES; i++) {
		if (place_all(w, names, n))
			return;
		w->multiplier *= UINT64_C(0xD1342543DE82EF95);
		w->multiplier += 2;
		w->multiplier |= 1;
	}
	prog_die(PROG_SOFTWARE, "no perfect hash for %zu words", n);
}
