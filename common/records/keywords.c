/*
 * keywords: finds the multiplier of a perfect hash by trial; see keywords.h.
 * For forty words in 128 slots a few hundred trials suffice.
 */
#include "common/records/keywords.h"

#include <stdbool.h>

#include "common/base/prog.h"

#define TRIES 1000000
#define SHORTEST 4

/* An empty slot never matches: all its bytes are compared, and no text has that
 * many zeros. */
static void
clear_slots(struct keywords *w)
{
	size_t i;

	memset(w->slot, 0, sizeof w->slot);
	for (i = 0; i < sizeof w->slot / sizeof w->slot[0]; i++) {
		w->slot[i].counts = KEYWORDS_LONG - 1;
		w->slot[i].number = KEYWORDS_NONE;
	}
}

/* If the word is too long, only its beginning is compared. */
void
keyword_set(struct keyword *k, const char *word, size_t len)
{
	size_t n = len < sizeof k->start ? len : sizeof k->start - 1;

	memset(k, 0, sizeof *k);
	memcpy(k->start, word, n);
	k->start[n] = (unsigned char)(n < len ? word[n] : '"');
	k->len = (uint16_t)len;
	k->counts = (UINT32_C(2) << n) - 1;
	if (len >= sizeof k->start)
		k->counts |= KEYWORDS_LONG;
}

static void
make_word(
    struct keyword *to, const char *name, size_t number, const char *behind)
{
	size_t len = strlen(name), i;

	if (len + strlen(behind) < SHORTEST)
		prog_die(PROG_SOFTWARE, "the word '%s' is too short", name);
	keyword_set(to, name, len);
	for (i = 0; len + i < sizeof to->start && behind[i] != '\0'; i++)
		to->start[len + i] = (unsigned char)behind[i];
	to->word = name;
	to->number = (uint16_t)number;
}

static size_t
slot_of(const struct keyword *k, uint32_t multiplier)
{
	return keywords_slot((const char *)k->start, k->len, multiplier);
}

/* True if each word gets its own slot. Called for thousands of multipliers when
 * a program starts. */
static bool
is_perfect(const struct keyword *list, size_t n, uint32_t multiplier)
{
	uint64_t taken[(1 << KEYWORDS_BITS) / 64] = { 0 };
	size_t i, slot;

	for (i = 0; i < n; i++) {
		slot = slot_of(&list[i], multiplier);
		if ((taken[slot / 64] >> slot % 64 & 1) != 0)
			return false;
		taken[slot / 64] |= UINT64_C(1) << slot % 64;
	}
	return true;
}

/* The golden ratio, or another odd number. */
static uint32_t
find_multiplier(const struct keyword *list, size_t n)
{
	uint32_t multiplier = 0x9E3779B1u;
	size_t i;

	for (i = 0; i < TRIES; i++) {
		if (is_perfect(list, n, multiplier))
			return multiplier;
		multiplier = (multiplier * 0x2C9277B5u + 2) | 1;
	}
	prog_die(PROG_SOFTWARE, "no perfect hash for %zu words", n);
}

void
keywords_init(
    struct keywords *w, const char *const *names, size_t n, const char *behind)
{
	struct keyword list[KEYWORDS_NONE];
	size_t words = 0, i;

	if (n > KEYWORDS_NONE)
		prog_die(PROG_SOFTWARE, "too many words: %zu", n);
	for (i = 0; i < n; i++)
		if (names[i] != NULL && names[i][0] != '\0')
			make_word(&list[words++], names[i], i, behind);
	w->multiplier = find_multiplier(list, words);
	clear_slots(w);
	for (i = 0; i < words; i++)
		w->slot[slot_of(&list[i], w->multiplier)] = list[i];
}
