/*
 * terms_words: a tenant's hours and targets in words, as the self-checks print
 * them: the next seven days, the targets, and what was ignored.
 */
#ifndef COMMON_HOURS_TERMS_WORDS_H
#define COMMON_HOURS_TERMS_WORDS_H

#include "common/hours/terms.h"

#include <stdint.h>

enum terms_finding { TERMS_GOOD, TERMS_ADVICE, TERMS_WRONG };

/* Calls line() for each line: what it is about ("hours", "targets"), and the
 * text. There are none if the tenant has neither hours nor targets. */
void terms_tell(const struct tenant_terms *t, int64_t now_ms,
    void (*line)(void *ctx, enum terms_finding finding, const char *about,
	const char *text),
    void *ctx);

#endif
