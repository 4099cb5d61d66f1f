/*
 * response_sums: responses added up from the tables, by slot (a period, an hour
 * of the week) and operator: count, sum, maximum and buckets.
 *
 * Whole hours of UTC come from response_hours and response_histogram. Where a
 * slot begins within an hour, as in zones at :30 and :45, and for quarters of
 * an hour, they come from intervals, which know the millisecond.
 */
#ifndef SINK_RESPONSES_RESPONSE_SUMS_H
#define SINK_RESPONSES_RESPONSE_SUMS_H

#include "common/containers/strmap.h"
#include "sink/responses/response_span.h"

/* Rows of an answer. */
#define RESPONSE_ROWS_MAX 20000

struct response_bucket {
	uint32_t slot;
	const char *operator;
	uint32_t bucket; /* histogram.h */
	int64_t n;
};

struct response_sum {
	uint32_t slot;
	const char *operator; /* "": nobody, or all together */
	int64_t n, sum_ms, max_ms;
	const struct response_bucket *buckets; /* in order */
	size_t buckets_n;
};

/* A range of time, in ms. */
struct response_range {
	int64_t from, to;
};

/* Hours from `begin` on, up to the next stretch. */
struct response_stretch {
	int64_t begin, slot; /* -1: they are read from intervals */
};

/* What is read from where. Slots are whole numbers, as expressions of SQL. */
struct response_plan {
	int64_t from, to; /* all of it */
	/* Of an hour; with stretches it is the number of one instead. Empty:
	 * none is read as a whole. */
	struct buf hour_slot;
	int64_t whole_from, whole_to; /* the whole ones lie between these */
	struct response_stretch *stretches; /* owned */
	size_t stretches_n, stretches_cap;
	struct buf interval_slot;         /* of an interval, by its end */
	struct response_range *intervals; /* what is read from there; owned */
	size_t intervals_n, intervals_cap;
};

/* For these expressions: hours, and ms, since 1970. */
#define RESPONSE_SLOT_HOUR "TIMESTAMPDIFF(HOUR, '1970-01-01', `hour`)"
#define RESPONSE_SLOT_MS                                                       \
	"(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', end_at) DIV 1000)"

struct response_sums {
	struct response_sum *list; /* by slot and operator */
	size_t n;
	int64_t version, as_of; /* the newest; CLOCK_NONE: nothing there */
	/* Private. */
	struct response_bucket *buckets;
	size_t buckets_n, cap, buckets_cap;
	struct strmap operators; /* owns their names */
};

/* A range that is read from intervals; ranges are added in their order. */
void response_plan_add(struct response_plan *p, int64_t from, int64_t to);
void response_plan_release(struct response_plan *p);

/* Hours that are asked for at once. */
struct response_chunk {
	int64_t from, to;
	struct buf slot;
	size_t next; /* private */
};

/* The next whole hours, at least that many ms of them, if there are so many:
 * what a statement has to group stays small enough for memory. False: that was
 * all. Begins as zeros; the caller releases the slot. */
bool response_plan_next(
    const struct response_plan *p, int64_t least_ms, struct response_chunk *c);

/* A slot for each period of the span. */
void response_plan_periods(
    struct response_plan *p, const struct response_span *s);

/* Reads them. False: the answer is a problem. */
bool response_sums_read(struct question *q, const struct response_plan *p,
    const struct response_choice *c, bool by_operator, struct response_sums *s)
    __attribute__((warn_unused_result));
void response_sums_release(struct response_sums *s);

/* Appends the members of an answer in JSON besides its rows: what was asked,
 * and the version. */
void response_write_frame(struct buf *to, const struct response_choice *c,
    const struct response_span *span, const struct response_sums *s);

/* The mean, rounded half up, and the element at place ceil(permille n / 1000),
 * the middle of its bucket, at most the maximum; the median of an even number
 * is the mean of the two. In ms. CLOCK_NONE: there is none. */
int64_t response_mean(const struct response_sum *s);
int64_t response_median(const struct response_sum *s);
int64_t response_percentile(const struct response_sum *s, int64_t permille);

/* The share that is not longer than ms: of the bucket that ms is in, its part
 * up to ms. *exact: nothing of it had to be shared out. There are some. */
double response_share_within(
    const struct response_sum *s, int64_t ms, bool *exact);

#endif
