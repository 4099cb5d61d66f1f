/*
 * response_span: the range of a request, and the links back to it; see
 * responses.h.
 */
#include "sink/responses/responses.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/tables/tables.h"
#include "sink/access/scope.h"
#include "sink/api/question.h"
#include "sink/rollup/span.h"

#define DAYS_WITHOUT_FROM 7

/* There are no data from before the first year, and local time is unknown after
 * the last one. Both are years in the zone's calendar, like the dates in
 * requests. */
#define YEAR_MIN 1970

static const char *const by_names[] = { [BY_QUARTER] = "quarter",
	[BY_HOUR] = "hour",
	[BY_DAY] = "day",
	[BY_WEEK] = "week",
	[BY_MONTH] = "month",
	[BY_TOTAL] = "total",
	NULL };

#define BIT(kind) (1U << SPAN_##kind)

static const struct response_kind kinds[] = {
	{ "response", "'first_response', 'reply'",
	    BIT(FIRST_RESPONSE) | BIT(REPLY), true },
	{ "first_response", "'first_response'", BIT(FIRST_RESPONSE), true },
	{ "reply", "'reply'", BIT(REPLY), true },
	{ "resolution", "'resolution'", BIT(RESOLUTION), false },
	{ "unanswered", "'unanswered'", BIT(UNANSWERED), false },
	{ "waiting", "'waiting'", 0, false },
};

/* In the same order. */
static const char *const kind_names[] = { "response", "first_response", "reply",
	"resolution", "unanswered", "waiting", NULL };

const struct response_kind *
response_kind_named(const char *name)
{
	const struct response_kind *k = kinds;

	while (strcmp(k->name, name) != 0)
		k++;
	return k;
}

static bool
read_kind(struct question *q, struct response_filter *c)
{
	size_t i = 0;
	bool good = question_word(q, "kind", kind_names, &i);

	c->kind = &kinds[i];
	return good;
}

bool
response_may_name_operators(struct question *q)
{
	if (q->viewer.role >= VIEWER_OPERATOR)
		return true;
	return question_problem(q, 403,
	    "metrics of operators are not allowed for the role %s",
	    viewer_role_name(q->viewer.role));
}

/* A wall only gets figures for all operators together. */
static bool
read_chosen_operator(struct question *q, struct response_filter *c)
{
	bool nobody;

	c->operator_id = question_parameter(q, "operator");
	if (!question_flag(q, "nobody", &nobody))
		return false;
	if (nobody && c->operator_id != NULL)
		return question_problem(
		    q, 400, "operator and nobody cannot be combined");
	if (nobody)
		c->operator_id = "";
	if (c->operator_id == NULL ||
	    (q->viewer.role >= VIEWER_OPERATOR &&
		scope_has(&q->viewer, c->operator_id)))
		return true;
	if (q->viewer.claims.in_teams && q->viewer.role > VIEWER_OPERATOR)
		return question_problem(
		    q, 403, "the operator is not in the token's teams");
	return question_problem(q, 403,
	    "metrics of an operator are not allowed for the role %s",
	    viewer_role_name(q->viewer.role));
}

static bool
read_channel(struct question *q, struct response_filter *c)
{
	bool none;

	c->channel = question_parameter(q, "channel");
	if (!question_flag(q, "no_channel", &none))
		return false;
	if (none && c->channel != NULL)
		return question_problem(
		    q, 400, "channel and no_channel cannot be combined");
	if (none)
		c->channel = "";
	return true;
}

bool
response_zone_read(struct question *q, struct response_filter *c)
{
	c->zone_name = question_zone_name(q);
	c->zone = question_zone(q);
	return c->zone != NULL;
}

bool
response_filter_read(struct question *q, struct response_filter *c)
{
	*c = (struct response_filter){ .zone = NULL };
	return read_kind(q, c) && read_chosen_operator(q, c) &&
	       read_channel(q, c) && response_clock_read(q, c) &&
	       response_zone_read(q, c);
}

void
response_filter_release(struct response_filter *c)
{
	zone_close(c->zone);
}

static int64_t
year_begin(const struct zone *zone, int year)
{
	return calendar_day_begin(
	    zone, clock_civil(year, 1, 1, 0, 0, 0) * 1000 / DAY_MS);
}

bool
response_span_read(
    struct question *q, const struct zone *zone, struct response_span *s)
{
	const int64_t first = year_begin(zone, YEAR_MIN);
	const int64_t last = year_begin(zone, ZONE_LAST_YEAR);
	int64_t now = q->request->now_ms;
	bool given;

	*s = (struct response_span){ .zone = zone,
		.from = CLOCK_NONE,
		.to = calendar_next(zone, CALENDAR_DAY, now) };
	if (!question_zoned_time(q, zone, "to", &s->to) ||
	    !question_zoned_time(q, zone, "from", &s->from))
		return false;
	given = s->from != CLOCK_NONE;
	if (!given)
		s->from = calendar_day_begin(
		    zone, calendar_day(zone, s->to) - DAYS_WITHOUT_FROM);
	if (s->from >= s->to)
		return question_problem(q, 400, "from must be before to");
	if (s->from < first || s->to > last)
		return question_problem(q, 400,
		    "from%s and to must be in the years %d to %d",
		    given ? "" : " (by default seven days before to)", YEAR_MIN,
		    ZONE_LAST_YEAR - 1);
	return true;
}

bool
response_by_read(struct question *q, enum response_by *by)
{
	size_t i = BY_DAY;
	bool good = question_word(q, "by", by_names, &i);

	*by = (enum response_by)i;
	return good;
}

bool
response_compare_read(struct question *q, bool *compares)
{
	static const char *const words[] = { "none", "previous", NULL };
	size_t i = 0;
	bool good = question_word(q, "compare", words, &i);

	*compares = i > 0;
	return good;
}

static int64_t
next_begin(const struct response_span *s, enum response_by by, int64_t ms)
{
	static const enum calendar_unit units[] = {
		[BY_QUARTER] = CALENDAR_QUARTER,
		[BY_HOUR] = CALENDAR_HOUR,
		[BY_DAY] = CALENDAR_DAY,
		[BY_WEEK] = CALENDAR_WEEK,
		[BY_MONTH] = CALENDAR_MONTH,
	};

	return by == BY_TOTAL ? s->to : calendar_next(s->zone, units[by], ms);
}

bool
response_span_cut(
    struct question *q, struct response_span *s, enum response_by by)
{
	size_t cap = 0;
	int64_t t;

	for (t = s->from; t < s->to; t = next_begin(s, by, t)) {
		if (s->n == RESPONSE_PERIODS_MAX)
			return question_problem(q, 400,
			    "more than %d periods of %s %s; use a longer "
			    "period (by) or a shorter range",
			    RESPONSE_PERIODS_MAX, by == BY_HOUR ? "an" : "a",
			    by_names[by]);
		XGROW(s->begins, s->n + 1, cap); /* one more for the end */
		s->begins[s->n++] = t;
	}
	s->begins[s->n] = s->to;
	return true;
}

static bool
begins_month(const struct zone *z, int64_t ms)
{
	return calendar_month_begin(z, ms) == ms;
}

static bool
begins_day(const struct zone *z, int64_t ms)
{
	return calendar_day_begin(z, calendar_day(z, ms)) == ms;
}

/* The distance to the previous range. */
struct step_back {
	enum { BACK_MS, BACK_DAYS, BACK_MONTHS } unit;
	int64_t n, step; /* n units, a multiple of the step */
};

static int64_t
go_back(const struct zone *z, const struct step_back *b, int64_t ms)
{
	switch (b->unit) {
	case BACK_MS:
		break;
	case BACK_DAYS:
		return calendar_days_before(z, ms, b->n);
	case BACK_MONTHS:
		return calendar_months_before(z, ms, b->n);
	}
	return ms - b->n;
}

static struct step_back
choose_unit(const struct response_span *s, enum response_by by)
{
	static const int64_t times[] = {
		[BY_QUARTER] = QUARTER_MS, [BY_HOUR] = HOUR_MS
	};
	const struct zone *z = s->zone;
	int64_t days = calendar_day(z, s->to) - calendar_day(z, s->from);
	int64_t months = calendar_month(z, s->to) - calendar_month(z, s->from);

	if (by == BY_MONTH || (by == BY_TOTAL && begins_month(z, s->from) &&
				  begins_month(z, s->to)))
		return (struct step_back){ BACK_MONTHS, months, 1 };
	if (by == BY_WEEK)
		return (struct step_back){ BACK_DAYS, days, 7 };
	if (by == BY_DAY || (begins_day(z, s->from) && begins_day(z, s->to)))
		return (struct step_back){ BACK_DAYS, days, 1 };
	return (struct step_back){ BACK_MS, s->to - s->from,
		by == BY_TOTAL ? 1 : times[by] };
}

/* Returns the shortest distance at which the previous range ends where this one
 * begins, or earlier. */
static struct step_back
find_way_back(const struct response_span *s, enum response_by by)
{
	struct step_back b = choose_unit(s, by);

	b.n = clock_ceil(b.n, b.step);
	if (go_back(s->zone, &b, s->to) > s->from)
		b.n += b.step;
	return b;
}

struct response_span
response_span_before(
    const struct response_span *s, enum response_by by, int64_t now)
{
	struct step_back back = find_way_back(s, by);
	struct response_span b = { .zone = s->zone, .n = s->n };
	int64_t end = s->to, begin;
	size_t i;

	/* An unfinished range is compared with the same elapsed part of the
	 * previous one, in whole minutes, so that an answer is valid for a
	 * minute. */
	if (now > s->from && now < s->to)
		end = now - now % MINUTE_MS;
	b.begins = xcalloc(b.n + 1, sizeof *b.begins);
	for (i = 0; i <= b.n; i++) {
		begin = s->begins[i] < end ? s->begins[i] : end;
		b.begins[i] = go_back(s->zone, &back, begin);
	}
	/* If the clock showed that time twice, only one occurrence remains. */
	for (i = b.n; i > 0; i--) {
		if (b.begins[i - 1] > b.begins[i])
			b.begins[i - 1] = b.begins[i];
	}
	b.from = b.begins[0];
	b.to = b.begins[b.n];
	return b;
}

void
response_span_release(struct response_span *s)
{
	free(s->begins);
}

/* The hour of the week. */

/* Appends the zone's offset from UTC, in ms, when an interval of the range
 * ended. */
static void
add_offset(struct buf *to, const struct response_span *s)
{
	struct zone_span z = zone_find(s->zone, s->from);

	buf_adds(to, "CASE");
	for (; z.until < s->to; z = zone_find(s->zone, z.until))
		buf_addf(to,
		    " WHEN " RESPONSE_SLOT_MS " < %" PRId64 " THEN %" PRId64,
		    z.until, z.offset);
	buf_addf(to, " WHEN TRUE THEN %" PRId64 " END", z.offset);
}

/* The filters of intervals. They only append checked numbers, so no arguments
 * are needed. */

#define OPEN_CHATS                                                             \
	" AND intervals.chat IN (SELECT c.chat FROM chat_metrics c "           \
	"WHERE c.tenant = intervals.tenant AND c.status <> 'left'"

/* All intervals of open chats: Chatwoot's definition. */
static const char of_open_chats[] = OPEN_CHATS ")";

/* Only those since their current episode began, that is, since the chat was
 * opened or last closed. Intervals that ended in the same millisecond as that
 * closing belong to the previous episode. The closing depends only on the chat,
 * so MariaDB's subquery cache keeps it for the chat's other intervals. */
static const char of_open_episodes[] = OPEN_CHATS
    " AND (c.opened_at IS NULL OR intervals.start_at >= c.opened_at)) "
    "AND intervals.end_at > COALESCE("
    "(SELECT MAX(r.end_at) FROM intervals r FORCE INDEX (by_chat) "
    "WHERE r.tenant = intervals.tenant AND r.chat = intervals.chat "
    "AND r.kind = 'resolution' AND " INTERVAL_COUNTS "), '1000-01-01')";

static bool
counts_whole_life(const struct viewer *v)
{
	return v->conf != NULL &&
	       strcmp(conf_text(v->conf, "aggregator", "definition"),
		   "chatwoot") == 0;
}

static bool
add_open(struct question *q, struct buf *sql)
{
	bool open;

	if (!question_flag(q, "open", &open))
		return false;
	if (open)
		buf_adds(sql, counts_whole_life(&q->viewer) ? of_open_chats
							    : of_open_episodes);
	return true;
}

/* The offsets are looked up for an additional day on both sides, which covers
 * every zone. */
static bool
add_hour_condition(struct question *q, int64_t hour, struct buf *sql)
{
	struct zone *zone = question_zone(q);
	struct response_span span = { .zone = NULL };
	bool good = zone != NULL && response_span_read(q, zone, &span);

	if (good) {
		span.from -= DAY_MS;
		span.to += DAY_MS;
		buf_adds(sql, " AND ((" RESPONSE_SLOT_MS " + ");
		add_offset(sql, &span);
		buf_addf(sql, ") DIV %" PRId64 " + %d) MOD %d = %" PRId64,
		    HOUR_MS, WEEK_FIRST_HOUR, WEEK_HOURS, hour);
	}
	response_span_release(&span);
	zone_close(zone);
	return good;
}

static bool
add_hour_of_week(struct question *q, struct buf *sql)
{
	int64_t weekday = 0, hour = -1;

	if (!question_int(q, "weekday", 1, 7, &weekday) ||
	    !question_int(q, "hour", 0, 23, &hour))
		return false;
	if (weekday == 0 && hour < 0)
		return true;
	if (weekday == 0 || hour < 0 || question_parameter(q, "from") == NULL ||
	    question_parameter(q, "to") == NULL)
		return question_problem(q, 400,
		    "weekday and hour must be used together, with from and to");
	return add_hour_condition(q, 24 * (weekday - 1) + hour, sql);
}

#define INTERVAL_MAX_S (INT64_C(3660) * 86400)

static bool
add_min_seconds(struct question *q, bool work, struct buf *sql)
{
	int64_t seconds = 0;

	if (!question_int(q, "min_seconds", 0, INTERVAL_MAX_S, &seconds))
		return false;
	if (seconds > 0)
		buf_addf(sql, " AND %s >= %" PRId64, work ? "work_ms" : "ms",
		    1000 * seconds);
	return true;
}

static bool
add_clock(struct question *q, struct buf *sql)
{
	struct response_filter clock = { .terms = NULL };

	if (!response_clock_read_rows(q, &clock))
		return false;
	/* A target in calendar time is also kept or missed by intervals without
	 * a work time. */
	if (clock.work && question_parameter(q, "kept") == NULL)
		buf_adds(sql, " AND work_ms IS NOT NULL");
	return add_min_seconds(q, clock.work, sql);
}

static bool
add_kept(struct question *q, struct buf *sql)
{
	static const char *const words[] = { "0", "1", NULL };
	size_t kept;

	if (question_parameter(q, "kept") == NULL)
		return true;
	if (!question_word(q, "kept", words, &kept))
		return false;
	buf_addf(sql, " AND kept = %zu", kept);
	return true;
}

/* A wait that ended unanswered has the target of what was awaited. */
static bool
add_target(struct question *q, struct buf *sql)
{
	static const char *const words[] = { "response", "first_response",
		"reply", "resolution", NULL };
	size_t i;

	if (question_parameter(q, "target") == NULL)
		return true;
	if (!question_word(q, "target", words, &i))
		return false;
	buf_addf(sql, " AND COALESCE(awaited, kind) IN (%s)",
	    response_kind_named(words[i])->sql);
	return true;
}

/* Adds the condition that the interval includes the time of `at`. */
static bool
add_at(struct question *q, struct buf *sql)
{
	int64_t at = CLOCK_NONE;
	struct zone *zone = question_zone(q);
	char text[CLOCK_TEXT];
	bool good = zone != NULL && question_zoned_time(q, zone, "at", &at);

	if (good && at != CLOCK_NONE) {
		clock_format_sql(at, text);
		buf_addf(
		    sql, " AND start_at <= '%s' AND end_at > '%s'", text, text);
	}
	zone_close(zone);
	return good;
}

bool
interval_filter_add(struct question *q, struct buf *sql)
{
	return add_open(q, sql) && add_hour_of_week(q, sql) &&
	       add_clock(q, sql) && add_kept(q, sql) && add_target(q, sql) &&
	       add_at(q, sql);
}

/* Links. */

/* Appends "&name=value", or the flag for rows without a value ("") if it is
 * given; nothing for any value (NULL). */
static void
add_choice(
    struct buf *href, const char *name, const char *flag, const char *value)
{
	if (value == NULL)
		return;
	if (*value == '\0') {
		buf_addf(href, "&%s=1", flag);
		return;
	}
	buf_addf(href, "&%s=", name);
	percent_encode(href, value);
}

bool
response_href(const struct question *q, const struct response_filter *c,
    int64_t from, int64_t to, struct buf *href)
{
	const struct viewer *v = &q->viewer;

	/* An operator's totals include those of others. */
	if (v->role < VIEWER_OPERATOR ||
	    (v->role == VIEWER_OPERATOR &&
		(c->operator_id == NULL || !scope_has(v, c->operator_id))))
		return false;
	buf_clear(href);
	buf_adds(href, "/api/v1/intervals?");
	if (from != CLOCK_NONE) {
		reply_encode_time(href, "from", from);
		reply_encode_time(href, "to", to);
	}
	buf_addf(href, "kind=%s&withdrawn=0", c->kind->name);
	add_choice(href, "operator", "nobody", c->operator_id);
	add_choice(href, "channel", "no_channel", c->channel);
	response_clock_add(c, href);
	return true;
}

/* Current figures are in calendar time. */
static bool
link_present(
    const struct question *q, const char *operator_id, struct buf *href)
{
	const struct response_filter c = { .kind = &kinds[0],
		.operator_id = operator_id,
		.terms = viewer_terms(&q->viewer) };

	if (!response_href(q, &c, CLOCK_NONE, CLOCK_NONE, href))
		return false;
	buf_adds(href, "&open=1");
	return true;
}

bool
response_href_operator(
    const struct question *q, const struct db_rows *row, struct buf *href)
{
	return link_present(q, db_get(row, 0), href);
}

bool
response_href_total(
    const struct question *q, const struct db_rows *row, struct buf *href)
{
	(void)row;
	return link_present(q, NULL, href);
}

/* Viewers limited to some operators do not see other operators' responses in
 * the chat. A chat that has left is not open, but keeps its figures. */
bool
response_href_chat(const struct question *q, const char *chat, struct buf *href)
{
	if (scope_limits_rows(&q->viewer) || !link_present(q, NULL, href))
		return false;
	buf_adds(href, "&chat=");
	percent_encode(href, chat);
	return true;
}
