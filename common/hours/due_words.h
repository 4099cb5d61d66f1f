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

/* Appends the words. kind and since: what the customer waits for, and since
 * when; answer_by: the result of judge_due(). */
void due_words(const struct terms *t, enum target_kind kind, int64_t since,
    int64_t answer_by, int64_t now, struct buf *to);

#endif
