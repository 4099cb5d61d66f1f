/*
 * due_words: when the answer to a waiting customer is due, in words for a
 * terminal: "late in 4 min", "late, 12 min over", "closed, opens 9:00, answer
 * by 9:12". Times are in the tenant's zone.
 */
#ifndef COMMON_HOURS_DUE_WORDS_H
#define COMMON_HOURS_DUE_WORDS_H

#include "common/base/buf.h"
#include "common/hours/judge.h"

#include <stdint.h>

/* Appends the words for a wait at an instant. */
void due_words(const struct terms *t, const struct judged_wait *w, int64_t now,
    struct buf *to);

#endif
