/*
 * responses: what the resources about response times over a range share, see
 * messaging-api(7): the range of a request (response_span.c), its clock and
 * targets (response_clock.c), and its sums from the tables (response_sums.c).
 */
#ifndef SINK_RESPONSES_RESPONSES_H
#define SINK_RESPONSES_RESPONSES_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/hours/terms.h"
#include "sink/api/completeness.h"
#include "sink/api/kept.h"
#include "sink/api/question.h"
#include "sink/calendar/calendar.h"
#include "sink/rollup/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The range of a request, divided into periods of a zone's calendar; the first
 * and last period are truncated at the ends of the range. And the parameters
 * that select responses:
 *
 *   from, to   times; a date is its beginning in the zone. Default of to: the
 *              end of today; of from: seven days before `to`
 *   zone       default: the tenant's zone
 *   kind       default: response (first responses and replies)
 *   operator   or nobody=1
 *   channel    or no_channel=1
 *   clock      calendar, or work for work times; the default is work if the
 *              channel has hours or, without a channel, the tenant */

/* Maximum number of periods in a request. */
#define RESPONSE_PERIODS_MAX 5000

enum response_by {
	BY_QUARTER,
	BY_HOUR,
	BY_DAY,
	BY_WEEK,
	BY_MONTH,
	BY_TOTAL /* a single period */
};

struct response_span {
	const struct zone *zone; /* borrowed */
	int64_t from, to;
	int64_t *begins; /* owned; begins[n] is `to` */
	size_t n;
};

/* A value of the parameter `kind`, and the kinds in the tables: as SQL and as
 * bits 1 << enum span_kind; no bit: only intervals have it. */
struct response_kind {
	const char *name, *sql;
	unsigned set;
	bool waits; /* customers may be waiting for one now */
};

/* There must be such a kind. */
const struct response_kind *response_kind_named(const char *name);

/* Which responses are requested. */
struct response_filter {
	const struct response_kind *kind;
	const char *operator_id; /* "": nobody; NULL: everybody */
	const char *channel;     /* "": without one; NULL: any */
	bool of_tenant; /* for all operators, even if the viewer only sees a
			 * team's */
	const char *zone_name;
	struct zone *zone;                /* owned */
	const struct tenant_terms *terms; /* borrowed; NULL: unknown */
	bool work; /* times are work times, of intervals that have one */
};

/* True if the viewer may have rows by operator; a wall may not. Returns false
 * if the answer is now a problem. */
bool response_may_name_operators(struct question *q)
    __attribute__((warn_unused_result));

/* These functions return false if the answer is now a problem. The second reads
 * only the zone. */
bool response_filter_read(struct question *q, struct response_filter *c)
    __attribute__((warn_unused_result));
bool response_zone_read(struct question *q, struct response_filter *c)
    __attribute__((warn_unused_result));
bool response_span_read(struct question *q, const struct zone *zone,
    struct response_span *s) __attribute__((warn_unused_result));
bool response_by_read(struct question *q, enum response_by *by)
    __attribute__((warn_unused_result));
/* Reads `compare`, which shows whether the previous period is requested,
 * too. */
bool response_compare_read(struct question *q, bool *compares)
    __attribute__((warn_unused_result));

/* Divides the range into periods. */
bool response_span_cut(struct question *q, struct response_span *s,
    enum response_by by) __attribute__((warn_unused_result));

/* Returns the range before one that is divided into periods, divided in the
 * same way: each of its periods is the corresponding one so many months, weeks,
 * days, or hours of local time earlier. A period that does not exist, such as
 * an hour that occurs twice, ends where it begins. If now is within the range,
 * the previous range ends after the same elapsed time: today until 12:30 is
 * compared with yesterday until 12:30. */
struct response_span response_span_before(
    const struct response_span *s, enum response_by by, int64_t now);

void response_span_release(struct response_span *s);
void response_filter_release(struct response_filter *c);

/* The hour of the week in a zone's local time as an SQL expression: 0 is Monday
 * 00:00, 167 Sunday 23:00. */

#define WEEK_HOURS 168

/* 1970-01-01 was a Thursday. */
#define WEEK_FIRST_HOUR (3 * 24)

/* The parameters of /api/v1/intervals and /api/v1/figure that select by more
 * than a column:
 *
 *   weekday, hour    of the interval's end in local time of `zone`; need from
 *                    and to
 *   open=1           of the current episode of open chats; with the key
 *                    definition = chatwoot, of all their episodes
 *   min_seconds      at least this long
 *   clock=work       that have a work time; min_seconds is then work time.
 *                    Default: calendar
 *   kept             1, or 0 for missed targets
 *   target           the kind of the target: also unanswered waits for it
 *   at               from start_at up to end_at includes this time
 *
 * Appends the conditions on columns of intervals: " AND ...". Returns false if
 * the answer is now a problem. */
bool interval_filter_add(struct question *q, struct buf *sql)
    __attribute__((warn_unused_result));

/* The clock of a request, and its targets. */

/* Reads `clock`, and sets the filter's terms. */
bool response_clock_read(struct question *q, struct response_filter *c)
    __attribute__((warn_unused_result));

/* The same for single intervals and their sum, whose default is calendar: rows
 * without a work time are listed unless work is requested. */
bool response_clock_read_rows(struct question *q, struct response_filter *c)
    __attribute__((warn_unused_result));

/* Appends the parameter to a link, if the tenant has hours. */
void response_clock_add(const struct response_filter *c, struct buf *href);

/* Appends the members of a JSON answer: the clock, and the version of hours and
 * targets that is in use. */
void response_clock_write(const struct response_filter *c, struct buf *to);
#define RESPONSE_CLOCK                                                         \
	"clock: (calendar|work) 'How times are measured', hours: text? 'The "  \
	"version of opening hours and targets in use, a key of the table "     \
	"hours_versions'"

/* True if the tenant has hours, or targets; if it has either, intervals are
 * judged. */
bool response_has_hours(const struct response_filter *c);
bool response_has_targets(const struct response_filter *c);
bool response_is_judged(const struct response_filter *c);

/* Returns the target in ms that shares of responses are computed for by
 * default: that of first responses or, if those have none, of replies; of
 * another kind, its own. CLOCK_NONE: there is none, it is not in the time of
 * the request's clock, or differs by channel or within the range. */
int64_t response_target(
    const struct response_filter *c, int64_t from, int64_t to);
/* The same for all responses now, with the default clock. */
int64_t response_target_now(const struct question *q);

/* What hours and targets say about responses; numbers. */
struct response_judged {
	int64_t kept, missed; /* targets; missed ones also by closings */
	int64_t late;         /* customers who are waiting beyond the target */
	int64_t closed;       /* answers while the team was closed */
	int64_t no_work_time; /* intervals without a work time; only counted by
			       * the clock `work` */
};

/* Writes these as cells of RESPONSE_JUDGED_COLUMNS. */
void response_judged_write(struct sheet *s, const struct response_filter *c,
    const struct response_judged *j, bool includes_now);
/* Writes a cell with a percentage; it is absent if `all` is 0. */
void response_percent_write(struct sheet *s, int64_t kept, int64_t all);
#define RESPONSE_JUDGED_COLUMNS                                                \
	{ "kept", SHEET_NUMBER, NULL }, { "missed", SHEET_NUMBER, NULL },      \
	    { "late_now", SHEET_NUMBER, NULL },                                \
	    { "kept_percent", SHEET_NUMBER, NULL },                            \
	    { "closed", SHEET_NUMBER, NULL },                                  \
	{                                                                      \
		"no_work_time", SHEET_NUMBER, NULL                             \
	}

/* The link from a figure to its intervals: rows of /api/v1/intervals with
 * exactly the number and sum of the figure. */

/* Sets *href to the link for these responses in a time range in ms (from
 * CLOCK_NONE: everything). Returns false if the viewer may not see the
 * intervals. */
bool response_href(const struct question *q, const struct response_filter *c,
    int64_t from, int64_t to, struct buf *href)
    __attribute__((warn_unused_result));

/* For responses in a row of the present, which are those in open chats: of an
 * operator, whose id is the first column; of everything in the viewer's totals;
 * of an open chat. */
reply_link response_href_operator, response_href_total;
bool response_href_chat(
    const struct question *q, const char *chat, struct buf *href);

/* The parts of the requested figures: UTC days and hours, and the rest from
 * intervals. Consecutive times that belong to the same slot (a period, an hour
 * of the week) form a stretch. */

/* From `begin` to the next stretch. */
struct response_stretch {
	int64_t begin, slot; /* -1: nothing is requested */
};

/* What is requested, by time. */
struct response_plan {
	struct response_stretch *stretches; /* sorted; owned */
	size_t stretches_n, stretches_cap;
};

/* Begins a stretch with that slot; -1: none. Stretches are added in order; the
 * last one must have none, and begins where the request ends. */
void response_plan_stretch(
    struct response_plan *p, int64_t begin, int64_t slot);
void response_plan_release(struct response_plan *p);

/* SQL for the time in a column, in ms since 1970. */
#define RESPONSE_MS_OF(column)                                                 \
	"(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', " column ") DIV 1000)"
/* When an interval ended. */
#define RESPONSE_SLOT_MS RESPONSE_MS_OF("end_at")

/* Responses added up from the tables, by slot (a period, an hour of the week)
 * and operator, channel or team: count, sum, maximum and buckets.
 *
 * Whole UTC days and hours come from response_rollups if they fit into a slot,
 * except hours that are due (sink/rollup/sums_due.h). Those, and hours that
 * belong to two slots, as all do in zones at :30 and :45, come from intervals,
 * which have milliseconds. So do the channels of single operators, and the
 * parts into which transfers split waits. */

/* Maximum rows of an answer. */
#define RESPONSE_ROWS_MAX 20000

/* The groups, each of which gets its own sum. */
enum response_group { GROUP_NONE, GROUP_OPERATOR, GROUP_CHANNEL, GROUP_TEAM };

struct response_sum {
	uint32_t slot;
	const char *name;   /* name in the group; "": without one, or all
			     * together */
	struct span_sum of; /* of all requested kinds */
	struct response_judged judged;
};

struct response_sums {
	struct response_sum *list; /* sorted by slot and name */
	size_t n;
	int64_t as_of; /* the newest; CLOCK_NONE: there is none */
	int64_t now;   /* the slot that includes the present; -1: none */
	/* Metrics that are missing from the answer. */
	struct kept_lacking not_kept;
	/* Private. */
	size_t cap;
	struct strmap places; /* slot and name -> index in list, plus 1 */
	struct strmap names;  /* owned */
};

/* Reads the sums, in the current transaction or, without one, in its own.
 * Returns false if the answer is now a problem. There may be a few more than
 * RESPONSE_ROWS_MAX; callers that write each of them as a row reject the
 * excess. */
bool response_sums_read(struct question *q, const struct response_plan *p,
    const struct response_filter *c, enum response_group group,
    struct response_sums *s) __attribute__((warn_unused_result));
/* The same with a slot for each period of the range. */
bool response_sums_of_periods(struct question *q, const struct response_span *p,
    const struct response_filter *c, enum response_group group,
    struct response_sums *s) __attribute__((warn_unused_result));
void response_sums_release(struct response_sums *s);
/* True if the tenant has no intervals, so all figures are unknown. */
bool response_sums_unknown(const struct response_sums *s);
bool response_refuse_rows(struct question *q); /* returns false */

/* Appends from and to in the zone's local time. */
void response_write_range(struct buf *to, const struct response_filter *c,
    const struct response_span *span);

/* Appends the members of a JSON answer besides its rows: what was requested,
 * its time, since when figures are complete, and the metrics that are missing.
 */
void response_write_frame(struct buf *to, const struct response_filter *c,
    const struct response_span *span, int64_t as_of,
    const struct completeness *complete, const struct kept_lacking *not_kept);

/* Their shapes in the description of the API. */
#define RESPONSE_FRAME                                                         \
	"zone: text, kind: text, " RESPONSE_CLOCK ", from: time, to: time, "   \
	"as_of: time?, " COMPLETENESS_SHAPE ", "                               \
	"not_kept: text? 'If there are no rows to count: metrics that are "    \
	"not stored'"

/* The average, rounded half up; the element at place ceil(permille n / 1000),
 * that is, the middle of its bucket, at most the maximum; the median of an even
 * number is the average of the two middle ones. In ms. CLOCK_NONE if there are
 * no values. */
int64_t response_mean(const struct span_sum *s);
int64_t response_median(const struct span_sum *s);
int64_t response_percentile(const struct span_sum *s, int64_t permille);

/* Returns the share of values not longer than ms; of the bucket that contains
 * ms, a proportional part. There must be values. */
double response_share_within(const struct span_sum *s, int64_t ms);

/* The maximum range of a heat map: ten years. Each hour of the range needs
 * memory and, in zones whose hours do not begin at full hours of UTC, space in
 * a statement. */
#define HEATMAP_DAYS_MAX 3660

#endif
