/*
 * response_sums: responses added up from the tables, by slot (a period, an hour
 * of the week) and operator or channel: count, sum, maximum and buckets.
 *
 * Whole quarters of hours of UTC come from response_rollups, in months, days
 * and hours where they fit into a slot and are there. What is below a quarter,
 * and quarters that are not there (sink/rollup/quarters.h), come from
 * intervals, which know the millisecond, and so does time of which there are no
 * sums, before or behind them, or at all. Where a quarter, or an hour without
 * quarters, tells of more responses than it has intervals, what needs these is
 * not known.
 *
 * Channels come from response_rollups likewise, where all operators are asked
 * for, else from intervals alone. What all of them together have tells whether
 * a slot lacks some.
 */
#ifndef SINK_RESPONSES_RESPONSE_SUMS_H
#define SINK_RESPONSES_RESPONSE_SUMS_H

#include "common/containers/strmap.h"
#include "sink/api/kept.h"
#include "sink/responses/response_span.h"
#include "sink/rollup/span_sums.h"

/* Rows of an answer. */
#define RESPONSE_ROWS_MAX 20000

/* What has a sum of its own. */
enum response_group { GROUP_NONE, GROUP_OPERATOR, GROUP_CHANNEL };

struct response_sum {
	uint32_t slot;
	const char *name;   /* of the group; "": of none, or all together */
	struct span_sum of; /* of all kinds that were asked for */
	/* Private. */
	int64_t taken_max_ms; /* of what was taken off */
	bool again;           /* it is read once more */
};

/* A range of time, in ms. */
struct response_range {
	int64_t from, to;
};

/* From `begin` on, up to the next stretch. */
struct response_stretch {
	int64_t begin, slot; /* -1: nothing is asked */
};

/* What is asked, by time. */
struct response_plan {
	int64_t from, to;                   /* all of it */
	struct response_stretch *stretches; /* in order; owned */
	size_t stretches_n, stretches_cap;
};

/* For that expression: ms since 1970. */
#define RESPONSE_SLOT_MS                                                       \
	"(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', end_at) DIV 1000)"

struct response_sums {
	struct response_sum *list; /* by slot and name */
	size_t n;
	int64_t version, as_of; /* the newest; CLOCK_NONE: nothing there */
	/* Metrics that the answer lacks. */
	struct kept_lacking not_kept;
	bool opens; /* the tenant has intervals, which a link leads to */
	/* Private. */
	bool unknown;          /* nothing is kept that would tell */
	struct strmap missing; /* slots that lack intervals */
	size_t cap;
	struct strmap places; /* slot and name -> index in list, plus 1 */
	struct strmap names;  /* owned */
};

void response_plan_release(struct response_plan *p);

/* From then on, up to the next stretch, the slot is that; -1: none. Stretches
 * are added in their order, the last one is none. */
void response_plan_stretch(
    struct response_plan *p, int64_t begin, int64_t slot);

/* Spans of a length, or times, in ranges; in order. */
struct response_pieces {
	struct response_range *list; /* owned */
	size_t n, cap;
};
/* Nothing is added where from is not before to. */
void response_pieces_add(struct response_pieces *p, int64_t from, int64_t to);
int64_t response_pieces_ms(const struct response_pieces *p); /* all together */
/* The first part of a time that is in one of them. False: there is none. */
bool response_pieces_cut(const struct response_pieces *p,
    const struct response_range *time, struct response_range *part);

/* What is read. */
enum response_level {
	RESPONSE_MONTHS,
	RESPONSE_DAYS,
	RESPONSE_HOURS,
	RESPONSE_QUARTERS,
	RESPONSE_INTERVALS,
	RESPONSE_LEVELS
};

/* Cuts the stretches into months, days, hours and quarters, and the rest into
 * intervals; has() tells which months, days and hours there are, and which
 * hours have quarters. With `cut` the rows of hours that are cut are among the
 * pieces, too, and of quarters that are: they have no slot, but a version, and
 * how many responses there are. pieces: of RESPONSE_LEVELS. */
void response_plan_cut(const struct response_plan *p,
    bool (*has)(const void *ctx, enum response_level level, int64_t begin),
    const void *ctx, bool cut, struct response_pieces *pieces);

/* The hours that stretches cut: their quarters are read, if they have some. */
void response_plan_cut_hours(
    const struct response_plan *p, struct response_pieces *hours);

/* Puts the slots of a time into a map, by their 8 bytes. */
void response_plan_mark(const struct response_plan *p,
    const struct response_range *time, struct strmap *slots);

/* The slot that a span lies in; -1: none. */
int64_t response_plan_slot(
    const struct response_plan *p, int64_t begin, enum response_level level);

/* Appends the slot that an interval of the pieces ended in, as SQL: stretches
 * that share one, as the hours of a week do, are one group there. */
void response_plan_add_slot(const struct response_plan *p,
    const struct response_pieces *pieces, struct buf *sql);
int64_t response_span_begin(int64_t ms, enum response_level level);
int64_t response_span_end(int64_t begin, enum response_level level);

/* A month or a day that is read for a slot that has most of it. */
struct response_whole {
	int64_t begin, slot;
};

/* A plan that is cheaper: with these, besides what the slots have outside of
 * them, and without what the slots do not have of them. */
struct response_rounded {
	struct response_plan rest, excess;
	struct {
		struct response_whole *list; /* by begin; owned */
		size_t n, cap;
	} wholes[RESPONSE_DAYS + 1];
};
void response_plan_round(const struct response_plan *p,
    bool (*has)(const void *ctx, enum response_level level, int64_t begin),
    const void *ctx, struct response_rounded *to);
void response_rounded_release(struct response_rounded *l);
/* The slot; -1: none. */
int64_t response_whole_slot(
    const struct response_rounded *l, int64_t begin, enum response_level level);

/* A slot for each period of the span. */
void response_plan_periods(
    struct response_plan *p, const struct response_span *s);

/* Reads them, in the transaction that was begun or, without one, in its own.
 * False: the answer is a problem. They may be some more than RESPONSE_ROWS_MAX,
 * which whoever writes each of them as a row refuses. */
bool response_sums_read(struct question *q, const struct response_plan *p,
    const struct response_filter *c, enum response_group group,
    struct response_sums *s) __attribute__((warn_unused_result));
void response_sums_release(struct response_sums *s);
/* The answer is made of the rows of the span before, too: its version is the
 * newer one, and it lacks what they lack, as far as that is not known. */
void response_sums_join(
    struct response_sums *to, const struct response_sums *before);
/* True: what is kept is not all of the slot, so how much it was is not known.
 */
bool response_sums_unknown(const struct response_sums *s, int64_t slot);
bool response_refuse_rows(struct question *q); /* false */

/* Appends from and to, by the clock in the zone. */
void response_write_range(struct buf *to, const struct response_filter *c,
    const struct response_span *span);

/* Appends the members of an answer in JSON besides its rows: what was asked,
 * and the version. */
void response_write_frame(struct buf *to, const struct response_filter *c,
    const struct response_span *span, const struct response_sums *s);

/* In response_quantile.c: the mean, rounded half up, and the element at place
 * ceil(permille n / 1000), the middle of its bucket, at most the maximum; the
 * median of an even number is the mean of the two. In ms. CLOCK_NONE: there is
 * none. */
int64_t response_mean(const struct span_sum *s);
int64_t response_median(const struct span_sum *s);
int64_t response_percentile(const struct span_sum *s, int64_t permille);

/* The share that is not longer than ms: of the bucket that ms is in, its part
 * up to ms. *exact: nothing of it had to be shared out. There are some. */
double response_share_within(const struct span_sum *s, int64_t ms, bool *exact);

#endif
