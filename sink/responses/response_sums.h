/*
 * response_sums: responses added up from the tables, by slot (a period, an hour
 * of the week) and operator or channel: count, sum, maximum and buckets.
 *
 * Whole days and hours of UTC come from response_rollups, where they fit into a
 * slot. Hours that a slot cuts, as all do in zones at :30 and :45, come from
 * intervals, which know the millisecond, and so does time of which there are no
 * sums: before the first hour or behind the last one, or at all. Where an hour
 * that is cut has more responses than intervals, what needs these
 * is not known.
 *
 * Channels come from response_rollups where all operators are asked for, but
 * for hours that are due (sink/rollup/sums_due.h); else from intervals alone.
 * What all channels together have tells whether a slot lacks some.
 */
#ifndef SINK_RESPONSES_RESPONSE_SUMS_H
#define SINK_RESPONSES_RESPONSE_SUMS_H

#include "common/containers/strmap.h"
#include "sink/api/kept.h"
#include "sink/responses/response_plan.h"
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
};

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

/* Reads them, in the transaction that was begun or, without one, in its own.
 * False: the answer is a problem. They may be some more than RESPONSE_ROWS_MAX,
 * which anyone who writes each of them as a row refuses. */
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
