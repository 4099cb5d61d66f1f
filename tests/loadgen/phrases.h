/*
 * phrases: the texts of messages, in the scripts of many languages, some with
 * escapes. They are prepared parts of records ("text":"..."), so a message only
 * has to choose one.
 */
#ifndef TESTS_LOADGEN_PHRASES_H
#define TESTS_LOADGEN_PHRASES_H

#include "tests/loadgen/fields.h"

struct phrases {
	struct text *pieces; /* PHRASES_EACH a language */
	size_t languages;
	struct text *bot; /* of a bot, three */
};

/* The phrases are created with s, which must outlive them. */
void phrases_init(struct phrases *p, struct style *s);
void phrases_release(struct phrases *p);

struct text phrases_pick(
    const struct phrases *p, struct dice *d, size_t language);
struct text phrases_bot(const struct phrases *p, struct dice *d);

#endif
