/*
 * response_span: the range of time of a request, cut into periods of a zone's
 * calendar; the first and the last period are cut where the range begins and
 * ends. And the parameters that choose responses:
 *
 *   from, to   times; a date is its beginning in the zone. Without `to` the end
 *              of today, without `from` seven days before `to`
 *   zone       UTC without it
 *   kind       response (first responses and replies) without it
 *   operator   or nobody=1
 *   channel    or no_channel=1
 */
#ifndef SINK_RESPONSES_RESPONSE_SPAN_H
#define SINK_RESPONSES_RESPONSE_SPAN_H

#include "common/calendar/calendar.h"
#include "sink/api/question.h"

#include <stdbool.h>

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
 * be waiting, too, of which nothing but intervals tells. */
bool response_filter_read(struct question *q, bool of_intervals,
    struct response_filter *c) __attribute__((warn_unused_result));
bool response_span_read(struct question *q, const struct zone *zone,
    struct response_span *s) __attribute__((warn_unused_result));
bool response_by_read(struct question *q, enum response_by *by)
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

#endif
