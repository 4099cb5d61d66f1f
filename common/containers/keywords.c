/*
 * keywords: finds the multiplier of a perfect hash by trying; see keywords.h.
 * For forty words in 128 slots one of a few hundred will do.
 */
#include "common/containers/keywords.h"

#include <stdbool.h>

#include "common/base/prog.h"

#define TRIES 1000000
#define SHORTEST 4

/* A slot without a word is never found: all its bytes count, and no text has
 * so many zeros where a word may stand. */
static void
clear_slots(struct keywords *w)
{
	size_t i;

	memset(w->slot, 0, sizeof w->slot);
	for (i = 0; i < sizeof w->slot / sizeof w->slot[0]; i++) {
		w->slot[i].counts = 0xFFFF;
		w->slot[i].number = KEYWORDS_NONE;
	}
}

/* Of a word that is too long, its beginning. */
void
keyword_set(struct keyword *k, const char *word, size_t len)
{
	size_t n = len < sizeof k->start ? len : sizeof k->start - 1;

	memset(k, 0, sizeof *k);
	memcpy(k->start, word, n);
	k->start[n] = (unsigned char)(n < len ? word[n] : '"');
	k->len = (uint32_t)len;
	k->counts = (uint16_t)((UINT32_C(2) << n) - 1);
}

/* False when its slot is taken. */
static bool
place_word(
    struct keywords *w, const char *name, size_t number, const char *behind)
{
	size_t len = strlen(name), i;
	struct keyword new;

	if (len + strlen(behind) < SHORTEST)
		prog_die(PROG_SOFTWARE, "'%s' is too short a word", name);
	keyword_set(&new, name, len);
	for (i = 0; len + i < sizeof new.start &&behind[i] != '\0'; i++)
		new.start[len + i] = (unsigned char)behind[i];
	new.word = name;
	new.number = (uint16_t)number;
	i = keywords_slot((const char *)new.start, len, w->multiplier);
	if (w->slot[i].number != KEYWORDS_NONE)
		return false;
	w->slot[i] = new;
	return true;
}

static bool
place_words(
    struct keywords *w, const char *const *names, size_t n, const char *behind)
{
	size_t i;

	clear_slots(w);
	for (i = 0; i < n; i++)
		if (names[i] != NULL && names[i][0] != '\0' &&
		    !place_word(w, names[i], i, behind))
			return false;
	return true;
}

void
keywords_init(
    struct keywords *w, const char *const *names, size_t n, const char *behind)
{
	size_t i;

	/* The golden ratio, then other odd numbers. */
	w->multiplier = 0x9E3779B1u;
	for (i = 0; n <= KEYWORDS_NONE && i < TRIES; i++) {
		if (place_words(w, names, n, behind))
			return;
		w->multiplier = (w->multiplier * 0x2C9277B5u + 2) | 1;
	}
	prog_die(PROG_SOFTWARE, "no perfect hash for %zu words", n);
}
