/*
 * responses: the resources of response times over a range, see
 * messaging-api(7): what is asked for (response_span.c), how it is added
 * up from the tables (response_sums.c), and the answers (resource_responses.c,
 * resource_backlog.c).
 */
#ifndef SINK_RESPONSES_RESPONSES_H
#define SINK_RESPONSES_RESPONSES_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "sink/api/kept.h"
#include "sink/api/question.h"
#include "sink/calendar/calendar.h"
#include "sink/rollup/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The range of time of a request, cut into periods of a zone's calendar; the
 * first and the last period are cut where the range begins and ends. And the
 * parameters that choose responses:
 *
 *   from, to   times; a date is its beginning in the zone. Without `to` the end
 *              of today, without `from` seven days before `to`
 *   zone       UTC without it
 *   kind       response (first responses and replies) without it
 *   operator   or nobody=1
 *   channel    or no_channel=1 */

/* Periods of a request. */
#define RESPONSE_PERIODS_MAX 5000

enum response_by {
	BY_QUARTER,
	BY_HOUR,
	BY_DAY,
	BY_WEEK,
	BY_MONTH,
	BY_TOTAL /* one period */
};

struct response_span {
	const struct zone *zone; /* borrowed */
	int64_t from, to;
	int64_t *begins; /* owned; begins[n] is `to` */
	size_t n;
};

/* Which responses. */
struct response_filter {
	const char *kind;        /* the parameter, or what it is without one */
	const char *kinds;       /* of the tables, as SQL: 'reply', ... */
	unsigned kind_set;       /* the same as bits 1 << enum span_kind */
	const char *operator_id; /* "": nobody; NULL: everybody */
	const char *channel;     /* "": of none; NULL: of any */
	bool of_tenant; /* everybody's, no matter who may see only a team's */
	const char *zone_name;
	struct zone *zone; /* owned */
};

/* Whether the viewer may have rows by operator: not a wall. False: the answer
 * is a problem. */
bool response_may_name_operators(struct question *q)
    __attribute__((warn_unused_result));

/* All of these: false, and the answer is a problem. of_intervals: the kind may
 * also be waiting, which only intervals have. */
bool response_filter_read(struct question *q, bool of_intervals,
    struct response_filter *c) __attribute__((warn_unused_result));
bool response_span_read(struct question *q, const struct zone *zone,
    struct response_span *s) __attribute__((warn_unused_result));
bool response_by_read(struct question *q, enum response_by *by)
    __attribute__((warn_unused_result));
/* compare: whether the previous period is asked for, too. */
bool response_compare_read(struct question *q, bool *compares)
    __attribute__((warn_unused_result));

/* Cuts it into periods. */
bool response_span_cut(struct question *q, struct response_span *s,
    enum response_by by) __attribute__((warn_unused_result));

/* The span before one that is cut, cut as it is: its periods are those that
 * are as many months, weeks, days, or as much time earlier by the clock, so
 * that each is like the one of its number. One that is not there, as an hour
 * that comes twice, ends where it begins. If now is within the span, the span
 * before ends as far from its begin as now is from that of the span: today
 * until 12:30 is compared with yesterday until 12:30. */
struct response_span response_span_before(
    const struct response_span *s, enum response_by by, int64_t now);

void response_span_release(struct response_span *s);
void response_filter_release(struct response_filter *c);

/* The hour of the week, by the clock in a zone, as an expression of SQL: 0 is
 * Monday 00:00, 167 Sunday 23:00. */

#define WEEK_HOURS 168

/* 1970-01-01 was a Thursday. */
#define WEEK_FIRST_HOUR (3 * 24)

/* The parameters of /api/v1/intervals that choose by more than a column, as
 * /api/v1/figure does:
 *
 *   weekday, hour    of their end, by the clock in `zone`; need from and to
 *   open=1           of the present episode of chats that are open; of their
 *                    whole life by the definition of Chatwoot, which `sink
 *                    --migrate` stores (sink/tables/thresholds.h) */

/* Appends the conditions, on columns of intervals: " AND ...". False: the
 * answer is a problem. */
bool interval_filter_add(struct question *q, struct buf *sql)
    __attribute__((warn_unused_result));

/* Appends those of these parameters that the question has: "&open=1". */
void interval_filter_link(const struct question *q, struct buf *to);

/* The link from a figure to the intervals that it is made of: rows of
 * /api/v1/intervals, as many as it counts, which sum to it. */

/* Sets *href to the link for a range of time, in ms (from CLOCK_NONE: all), and
 * an operator ("": nobody; NULL: all). False: these intervals are not for the
 * viewer. */
bool response_href(const struct question *q, const struct response_filter *c,
    int64_t from, int64_t to, const char *operator_id, struct buf *href)
    __attribute__((warn_unused_result));

/* Of the responses in a row of the present, which are those in chats that are
 * open: of an operator, whose id is the first column; of all that the viewer's
 * totals have; of a chat, a row of list_chats. */
reply_link response_href_operator, response_href_total, response_href_chat;

/* Of a row of list_response_hours. */
reply_link response_href_hour;

/* Appends to such a link: of that channel only ("": of none; NULL: of any). */
void response_href_channel(const char *channel, struct buf *href);

/* How what is asked is put together from days and hours of UTC, and the rest
 * from intervals. Times that follow each other and belong to the same slot (a
 * period, an hour of the week) are a stretch. */

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

/* From then on, up to the next stretch, the slot is that; -1: none. Stretches
 * are added in their order, the last one is none. */
void response_plan_stretch(
    struct response_plan *p, int64_t begin, int64_t slot);
/* A slot for each period of the span. */
void response_plan_periods(
    struct response_plan *p, const struct response_span *s);
void response_plan_release(struct response_plan *p);

/* A time of a column, as SQL, in ms since 1970. */
#define RESPONSE_MS_OF(column)                                                 \
	"(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ") DIV 1000)"
/* When an interval ended. */
#define RESPONSE_SLOT_MS RESPONSE_MS_OF("end_at")

/* Responses added up from the tables, by slot (a period, an hour of the week)
 * and operator, channel or team: count, sum, maximum and buckets.
 *
 * Whole days and hours of UTC come from response_rollups, where they fit into a
 * slot. Hours that a slot cuts, as all do in zones at :30 and :45, come from
 * intervals, which know the millisecond, and so does time of which there are no
 * sums: before the first hour or behind the last one, or at all. Where an hour
 * that is cut has more responses than intervals, what needs these is not known.
 *
 * Channels come from response_rollups where all operators are asked for, but
 * for hours that are due (sink/rollup/sums_due.h); else from intervals alone.
 * What all channels together have tells whether a slot lacks some. */

/* Rows of an answer. */
#define RESPONSE_ROWS_MAX 20000

/* What has a sum of its own. */
enum response_group { GROUP_NONE, GROUP_OPERATOR, GROUP_CHANNEL, GROUP_TEAM };

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

/* The mean, rounded half up, and the element at place
 * ceil(permille n / 1000), the middle of its bucket, at most the maximum; the
 * median of an even number is the mean of the two. In ms. CLOCK_NONE: there is
 * none. */
int64_t response_mean(const struct span_sum *s);
int64_t response_median(const struct span_sum *s);
int64_t response_percentile(const struct span_sum *s, int64_t permille);

/* The share that is not longer than ms: of the bucket that ms is in, its part
 * up to ms. *exact: nothing of it had to be shared out. There are some. */
double response_share_within(const struct span_sum *s, int64_t ms, bool *exact);

/* resource_responses.c */
resource_handler resource_responses, resource_heatmap, resource_figure;
resource_handler resource_backlog; /* resource_backlog.c */

/* The longest range of a heat map: ten years. Each hour of the range takes
 * memory, and in zones whose hours begin with no hour of UTC a place in a
 * statement. */
#define HEATMAP_DAYS_MAX 3660

#endif
