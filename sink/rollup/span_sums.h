/*
 * span_sums: the responses of an operator in a span of time (an hour, a day, a
 * month) by kind: how many, their sum, the longest, and how many in each bucket
 * (histogram.h). Spans add up to longer ones.
 *
 * As text, which the column `sums` of response_rollups holds, each kind is
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
#ifndef SINK_ROLLUP_SPAN_SUMS_H
#define SINK_ROLLUP_SPAN_SUMS_H

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum span_kind {
	SPAN_FIRST_RESPONSE,
	SPAN_REPLY,
	SPAN_RESOLUTION,
	SPAN_UNANSWERED,
	SPAN_KINDS
};

struct span_bucket {
	uint32_t bucket;
	int64_t n;
};

/* Zeroed it is empty. */
struct span_sum {
	int64_t n, sum_ms, max_ms;
	int64_t version;             /* the newest; 0: no row */
	struct span_bucket *buckets; /* owned, in order, each n above 0 */
	size_t buckets_n, cap;
	/* While many are gathered: how many of each bucket from low up to
	 * high, owned; buckets has none. */
	int64_t *dense;
	uint32_t low, high;
	unsigned gathered;
};

struct span_sums {
	struct span_sum kind[SPAN_KINDS];
};

/* SPAN_KINDS: it is none of them. */
enum span_kind span_kind_named(const char *name, size_t len);

/* Those of a row, without buckets. */
void span_sum_add(struct span_sum *to, int64_t n, int64_t sum_ms,
    int64_t max_ms, int64_t version);
/* A bucket of a duration. */
void span_sum_add_bucket(struct span_sum *to, uint32_t bucket, int64_t n);
void span_sum_merge(struct span_sum *to, const struct span_sum *from);
/* The same where many are, faster; after the last one, and before `to` is read,
 * span_sum_compact(). *room: how many sums more may take a table for it, of 16
 * KB at most. */
void span_sum_gather(
    struct span_sum *to, const struct span_sum *from, size_t *room);
void span_sum_compact(struct span_sum *s);
/* Makes it one that takes off, by span_sum_gather(); there is no maximum. */
void span_sum_negate(struct span_sum *s);
/* Empties, and keeps the memory. */
void span_sum_clear(struct span_sum *s);
void span_sum_release(struct span_sum *s);
void span_sums_release(struct span_sums *s);

void span_sums_write(const struct span_sums *s, struct buf *to);

/* Adds each kind of a text to to[kind], fastest to an empty one; NULL: that
 * kind is passed over. -1: it is no such text; the kinds before that are
 * added. */
int span_sums_read(const char *text, struct span_sum *const to[SPAN_KINDS])
    __attribute__((warn_unused_result));

#endif
