/*
 * span_sums: the responses of an operator in a span of time (an hour, a day, a
 * month) by kind: how many, their sum, the longest, and how many in each bucket
 * (duration_bucket.h). Spans add up to longer ones.
 */
#ifndef SINK_ROLLUP_SPAN_SUMS_H
#define SINK_ROLLUP_SPAN_SUMS_H

#include <stdbool.h>
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
	bool large; /* a count is so great that sums of few may be too great */
	unsigned gathered; /* span_text_gather() */
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
/* Makes a list of the table, without empty buckets. */
void span_sum_compact(struct span_sum *s);
/* Makes it one that takes off when it is merged; there is no maximum. */
void span_sum_negate(struct span_sum *s);
/* Empties, and keeps the memory. */
void span_sum_clear(struct span_sum *s);
void span_sum_release(struct span_sum *s);
void span_sums_release(struct span_sums *s);

/* Private to this room. Makes the list part of a table that has the buckets
 * [low, high); returns the count of `low`, of which many may be added to by
 * hand while no count is large. */
int64_t *span_sum_table(struct span_sum *s, uint32_t low, uint32_t high);
/* Adds to a count of the table. */
void span_sum_add_count(struct span_sum *s, int64_t *count, int64_t n);
/* Room in the list for n buckets more. */
void span_sum_reserve(struct span_sum *s, size_t n);

#endif
