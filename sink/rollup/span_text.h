/*
 * span_text: span_sums.h as text, which the column `sums` of response_rollups
 * holds. Each kind is
 *
 *   reply 4 61000 40000 1763805600000 481:b 496:cab;
 *
 * its name, number, sum and maximum in ms, newest version, and runs of
 * neighbouring buckets: the first one's number and their counts. A kind without
 * responses and rows is left out.
 *
 * A count is in base 26, a to z, its digits in front of the last one in capital
 * letters: what ends it needs no comma, and most counts are one letter. An
 * answer reads hundreds of such texts; with decimal numbers they were 1.7 times
 * as long, and took 2.4 times the time to read.
 */
#ifndef SINK_ROLLUP_SPAN_TEXT_H
#define SINK_ROLLUP_SPAN_TEXT_H

#include "common/base/buf.h"
#include "sink/rollup/span_sums.h"

void span_sums_write(const struct span_sums *s, struct buf *to);

/* Adds each kind of a text. -1: the text is damaged; the kinds before that are
 * added. */
int span_sums_read(const char *text, struct span_sums *to)
    __attribute__((warn_unused_result));

/* A text of which one kind after the other is read: its numbers, and where its
 * counts stand. */
struct span_text {
	const char *rest; /* borrowed: the kinds that follow */
	enum span_kind kind;
	int64_t n, sum_ms, max_ms, version;
	const char *runs, *end; /* counts, not looked at */
};

/* 1: the next kind; 0: there is none; -1: the text is damaged. */
int span_text_next(struct span_text *t) __attribute__((warn_unused_result));

/* Adds the kind to a sum. -1: the text is damaged, and adds nothing. */
int span_text_add(const struct span_text *t, struct span_sum *to)
    __attribute__((warn_unused_result));

#endif
