/*
 * span_sums: the responses of an hour or a day by kind: how many, their sum,
 * the longest, and how many in each bucket (duration_bucket.h). Spans add up to
 * longer ones. No sum exceeds INT64_MAX, where it ends.
 */
#ifndef SINK_ROLLUP_SPAN_SUMS_H
#define SINK_ROLLUP_SPAN_SUMS_H

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
};

struct span_sums {
	struct span_sum kind[SPAN_KINDS];
};

extern const char *const span_kind_names[SPAN_KINDS];
/* SPAN_KINDS: it is none of them. */
enum span_kind span_kind_named(const char *name, size_t len);

/* Those of a row, without buckets. */
void span_sum_add(struct span_sum *to, int64_t n, int64_t sum_ms,
    int64_t max_ms, int64_t version);
/* A bucket of a duration. */
void span_sum_add_bucket(struct span_sum *to, uint32_t bucket, int64_t n);
void span_sum_merge(struct span_sum *to, const struct span_sum *from);
void span_sum_release(struct span_sum *s);
void span_sums_release(struct span_sums *s);

#endif
