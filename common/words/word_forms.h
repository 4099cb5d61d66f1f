/*
 * word_forms: the forms of a word of a text by which it is found among words of
 * names: that of word_case.h, and its other spellings (plain_letters.h). Names
 * have all their spellings, too, so that a text finds a name with accents or
 * without, whichever of both has them.
 */
#ifndef COMMON_WORDS_WORD_FORMS_H
#define COMMON_WORDS_WORD_FORMS_H

#include "common/base/text.h"

#include <stdbool.h>

/* Whether is() is true for a form of a word of text_words.h; borrowed while it
 * is called. */
bool word_forms_any(
    struct text word, bool (*is)(void *ctx, struct text form), void *ctx);

#endif
