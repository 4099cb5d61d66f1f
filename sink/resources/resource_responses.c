/*
 * resource_responses: GET /api/v1/responses and heatmap. Parameters: those of
 * responses.h and, for responses:
 *
 *   by              quarter, hour, day (default), week, month, total
 *   group           none (default), operator, channel, team
 *   compare         previous: also the rows of the previous period
 *   within_seconds  the share of responses within that time; default: the
 *                   target, if all responses have the same one
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/json/jsonw.h"
#include "sink/access/scope.h"
#include "sink/resources/resource.h"
#include "sink/responses/responses.h"

/* Response times by period of a zone's calendar and by operator, channel or
 * team. Without a group there is a row for each period, otherwise one for each
 * operator, channel or team with responses in the period. Each row except a
 * team's has a link to its intervals. */

#define WITHIN_MAX_S (INT64_C(366) * 86400)

static const struct sheet_column response_columns[] = {
	{ "span", SHEET_TEXT, "(asked|previous)" },
	{ "period", SHEET_NUMBER, "number" },
	{ "begin", SHEET_TEXT, "text" },
	{ "end", SHEET_TEXT, "text" },
	{ "begin_utc", SHEET_TIME, "time" },
	{ "end_utc", SHEET_TIME, "time" },
	{ "complete", SHEET_FLAG, COMPLETE_SHAPE },
	{ "operator", SHEET_TEXT, NULL },
	{ "channel", SHEET_TEXT, NULL },
	{ "team", SHEET_TEXT, NULL },
	{ "name", SHEET_TEXT, "text? 'Of the operator or the channel'" },
	{ "count", SHEET_NUMBER, NULL },
	{ "sum_seconds", SHEET_NUMBER, NULL },
	{ "avg_seconds", SHEET_NUMBER, NULL },
	{ "median_seconds", SHEET_NUMBER, NULL },
	{ "p90_seconds", SHEET_NUMBER, NULL },
	{ "p99_seconds", SHEET_NUMBER, NULL },
	{ "max_seconds", SHEET_NUMBER, NULL },
	{ "within", SHEET_NUMBER, NULL },
	RESPONSE_JUDGED_COLUMNS,
	{ "href", SHEET_TEXT, NULL },
};

struct responses_question {
	struct question *q;
	struct response_filter filter;
	enum response_by by;
	enum response_group group;
	bool compares;
	int64_t within_s; /* CLOCK_NONE: none */
	/* The range and the one before it. */
	struct response_span spans[2];
	struct response_sums sums[2];
	struct completeness complete;
	struct strmap names; /* id -> name of an operator or channel; owned */
};

static bool
read_group(struct responses_question *r)
{
	static const char *const names[] = { "none", "operator", "channel",
		"team", NULL };
	struct question *q = r->q;
	size_t i = GROUP_NONE;

	if (!question_word(q, "group", names, &i))
		return false;
	r->group = (enum response_group)i;
	if (r->group == GROUP_TEAM && q->viewer.role < VIEWER_LEAD)
		return question_problem(q, 403,
		    "metrics of teams are not allowed for the role %s",
		    viewer_role_name(q->viewer.role));
	if (r->group != GROUP_OPERATOR)
		return true;
	if (q->viewer.role == VIEWER_OPERATOR)
		r->filter.operator_id = q->viewer.claims.subject;
	return response_may_name_operators(q);
}

static void
choose_within(struct responses_question *r)
{
	const struct response_span *first = &r->spans[r->compares];
	int64_t target =
	    response_target(&r->filter, first->from, r->spans[0].to);

	if (r->within_s == CLOCK_NONE && target != CLOCK_NONE)
		r->within_s = target / 1000;
}

static bool
read_responses_parameters(struct responses_question *r)
{
	struct question *q = r->q;

	if (!response_filter_read(q, &r->filter) || !read_group(r) ||
	    !response_by_read(q, &r->by) ||
	    !response_compare_read(q, &r->compares) ||
	    !question_int(q, "within_seconds", 0, WITHIN_MAX_S, &r->within_s) ||
	    !response_span_read(q, r->filter.zone, &r->spans[0]) ||
	    !response_span_cut(q, &r->spans[0], r->by))
		return false;
	if (r->compares)
		r->spans[1] = response_span_before(
		    &r->spans[0], r->by, q->request->now_ms);
	choose_within(r);
	return true;
}

static bool
read_spans(struct responses_question *r)
{
	size_t i, rows = 0;

	for (i = 0; i < (r->compares ? 2 : 1); i++) {
		if (!response_sums_of_periods(
			r->q, &r->spans[i], &r->filter, r->group, &r->sums[i]))
			return false;
		rows += r->sums[i].n;
		if (rows > RESPONSE_ROWS_MAX)
			return response_refuse_rows(r->q);
	}
	return true;
}

/* Reads the names of all operators or channels of the tenant; only those with
 * rows are shown. */
static bool
read_response_names(struct responses_question *r)
{
	const struct db_value kind =
	    db_str(r->group == GROUP_OPERATOR ? "operator" : "channel");
	struct db_rows *rows = NULL;
	size_t before = r->q->rows;
	bool good;

	if (r->group != GROUP_OPERATOR && r->group != GROUP_CHANNEL)
		return true;
	good = question_ask(r->q,
	    "SELECT id, name FROM names WHERE tenant = ? AND kind = ? "
	    "AND name IS NOT NULL",
	    &kind, 1, &rows);
	while (good && db_next(rows))
		*strmap_put(&r->names, db_get(rows, 0), db_get_len(rows, 0)) =
		    xstrdup(db_get(rows, 1));
	db_rows_free(rows);
	r->q->rows = before;
	return good;
}

/* Both ranges are read as of one moment. */
static bool
read_responses(struct responses_question *r)
{
	bool good = question_begin(r->q) && read_response_names(r) &&
		    completeness_read(r->q, COMPLETE_CHATS, &r->complete) &&
		    read_spans(r);

	question_end(r->q);
	return good;
}

static void
write_within(const struct responses_question *r, struct sheet *s,
    const struct span_sum *sum)
{
	char text[16];

	if (r->within_s == CLOCK_NONE || sum->buckets_n == 0) {
		sheet_text(s, NULL);
		return;
	}
	(void)snprintf(text, sizeof text, "%.4f",
	    response_share_within(sum, 1000 * r->within_s));
	sheet_text(s, text);
}

static void
write_metrics(struct sheet *s, const struct span_sum *sum, bool unknown)
{
	sheet_int(s, unknown ? CLOCK_NONE : sum->n);
	sheet_seconds(s, unknown ? CLOCK_NONE : sum->sum_ms);
	sheet_seconds(s, response_mean(sum));
	sheet_seconds(s, response_median(sum));
	sheet_seconds(s, response_percentile(sum, 900));
	sheet_seconds(s, response_percentile(sum, 990));
	sheet_seconds(s, sum->n > 0 ? sum->max_ms : CLOCK_NONE);
}

static void
write_response_row(const struct responses_question *r, struct sheet *s,
    size_t span, const struct response_sum *sum)
{
	const struct zone *z = r->filter.zone;
	int64_t from = r->spans[span].begins[sum->slot];
	int64_t to = r->spans[span].begins[sum->slot + 1];
	const char *operator_id = r->group == GROUP_OPERATOR ? sum->name : NULL;
	const char *channel = r->group == GROUP_CHANNEL ? sum->name : NULL;
	const char *team = r->group == GROUP_TEAM ? sum->name : NULL;
	bool unknown = response_sums_unknown(&r->sums[span]), linked;
	struct response_filter of_row = r->filter;
	struct buf href = BUF_INIT;
	char text[CALENDAR_TEXT];

	sheet_text(s, span == 0 ? "asked" : "previous");
	sheet_int(s, sum->slot);
	calendar_format(z, from, text);
	sheet_text(s, text);
	calendar_format(z, to, text);
	sheet_text(s, text);
	sheet_time(s, from);
	sheet_time(s, to);
	sheet_text(s, complete_word(complete_state(
			  &r->complete, from, to, r->q->request->now_ms)));
	sheet_text(s, operator_id);
	sheet_text(s, channel);
	sheet_text(s, team);
	sheet_text(
	    s, team != NULL || sum->name == NULL || *sum->name == '\0'
		   ? NULL
		   : strmap_get(&r->names, sum->name, strlen(sum->name)));
	write_metrics(s, &sum->of, unknown);
	write_within(r, s, &sum->of);
	response_judged_write(s, &r->filter, &sum->judged,
	    span == 0 && r->sums[0].now == sum->slot);
	if (operator_id != NULL)
		of_row.operator_id = operator_id;
	if (channel != NULL)
		of_row.channel = channel;
	linked = !unknown && team == NULL &&
		 response_href(r->q, &of_row, from, to, &href);
	sheet_text(s, linked ? buf_str(&href) : NULL);
	buf_release(&href);
}

/* Writes empty rows for periods without responses, up to one period. */
static void
write_empty_periods(const struct responses_question *r, struct sheet *s,
    size_t span, size_t slot, size_t to)
{
	const int64_t *begins = r->spans[span].begins;
	struct response_sum none = { .slot = 0 };

	for (; r->group == GROUP_NONE && slot < to; slot++) {
		none.slot = (uint32_t)slot;
		if (begins[slot] < begins[slot + 1])
			write_response_row(r, s, span, &none);
	}
}

static void
write_span(const struct responses_question *r, struct sheet *s, size_t span)
{
	const struct response_sums *sums = &r->sums[span];
	size_t i, slot = 0;

	for (i = 0; i < sums->n; i++) {
		write_empty_periods(r, s, span, slot, sums->list[i].slot);
		write_response_row(r, s, span, &sums->list[i]);
		slot = sums->list[i].slot + (size_t)1;
	}
	write_empty_periods(r, s, span, slot, r->spans[span].n);
}

static void
write_responses(const struct responses_question *r)
{
	struct buf *to = reply_begin(r->q);
	int64_t as_of = r->sums[0].as_of;
	struct sheet s;

	if (r->compares && r->sums[1].as_of > as_of)
		as_of = r->sums[1].as_of;
	sheet_begin(&s, to, r->q->format, response_columns,
	    ARRAY_LEN(response_columns));
	write_span(r, &s, 0);
	if (r->compares)
		write_span(r, &s, 1);
	sheet_end(&s);
	if (r->q->format == SHEET_JSON) {
		response_write_frame(to, &r->filter, &r->spans[0], as_of,
		    &r->complete, &r->sums[0].not_kept);
		if (r->within_s != CLOCK_NONE)
			jsonw_int(to, "within_seconds", r->within_s);
		else
			jsonw_null(to, "within_seconds");
	}
	reply_end(r->q, NULL);
}

static void
answer_responses(struct question *q)
{
	struct responses_question r = {
		.q = q, .within_s = CLOCK_NONE, .names = STRMAP_INIT
	};
	size_t i;

	if (read_responses_parameters(&r) && read_responses(&r))
		write_responses(&r);
	for (i = 0; i < ARRAY_LEN(r.spans); i++) {
		response_span_release(&r.spans[i]);
		response_sums_release(&r.sums[i]);
	}
	completeness_release(&r.complete);
	strmap_release(&r.names, free);
	response_filter_release(&r.filter);
}

const struct resource resource_responses = { "/api/v1/responses", VIEWER_WALL,
	"responses", "Response times by period in a time zone.",
	.answer = answer_responses,
	.parameters = LIST_NAMES("from", "to", "zone", "kind", "operator",
	    "nobody", "channel", "no_channel", "clock", "by", "group",
	    "compare", "within_seconds"),
	.impersonal = true,
	.shape = "{tenant: text, rows: [@ResponsesRow], " RESPONSE_FRAME
		 ", within_seconds: number? 'As requested, or the target'}",
	.rows = { RESOURCE_ROWS("ResponsesRow", response_columns) },
	.is_sheet = true };

/* Responses by hour of the week in a zone, 168 rows from Monday 00:00. Hours of
 * the week are local: when the clocks change, one occurs twice in the range or
 * not at all. */

static const struct sheet_column heatmap_columns[] = {
	{ "weekday", SHEET_NUMBER, "number" },
	{ "hour", SHEET_NUMBER, "number" },
	{ "count", SHEET_NUMBER, NULL },
	{ "sum_seconds", SHEET_NUMBER, NULL },
	{ "avg_seconds", SHEET_NUMBER, NULL },
	{ "median_seconds", SHEET_NUMBER, NULL },
	RESPONSE_JUDGED_COLUMNS,
	{ "href", SHEET_TEXT, NULL },
};

static bool
check_length(struct question *q, const struct response_span *s)
{
	return s->to - s->from <= HEATMAP_DAYS_MAX * DAY_MS ||
	       question_problem(q, 400,
		   "the range has more than %d days (ten years); use a shorter "
		   "range",
		   HEATMAP_DAYS_MAX);
}

/* Adds a stretch for each local hour. */
static void
plan_heatmap(struct response_plan *p, const struct response_span *s)
{
	struct zone_span z = zone_find(s->zone, s->from);
	int64_t t, next, there;

	for (t = s->from; t < s->to; t = next) {
		if (t >= z.until)
			z = zone_find(s->zone, t);
		there = clock_floor(t + z.offset, HOUR_MS);
		next = there + HOUR_MS - z.offset;
		if (next > z.until)
			next = z.until;
		response_plan_stretch(
		    p, t, (there / HOUR_MS + WEEK_FIRST_HOUR) % WEEK_HOURS);
	}
	response_plan_stretch(p, s->to, -1);
}

/* Adds the hour to the link for all hours. */
static const char *
hour_href(
    const struct response_filter *c, size_t base, size_t hour, struct buf *href)
{
	buf_cut(href, base);
	buf_addf(href, "&weekday=%d&hour=%d&zone=", (int)(hour / 24) + 1,
	    (int)(hour % 24));
	percent_encode(href, c->zone_name);
	return buf_str(href);
}

static void
write_heatmap(struct question *q, const struct response_filter *c,
    const struct response_span *span, const struct response_sums *sums,
    const struct completeness *complete)
{
	const struct response_sum none = { .slot = 0 }, *row;
	struct buf *to = reply_begin(q);
	struct buf href = BUF_INIT;
	bool unknown = response_sums_unknown(sums);
	bool links = response_href(q, c, span->from, span->to, &href);
	size_t slot, i = 0, base;
	struct sheet s;

	base = href.len;
	sheet_begin(
	    &s, to, q->format, heatmap_columns, ARRAY_LEN(heatmap_columns));
	for (slot = 0; slot < WEEK_HOURS; slot++) {
		row = &none;
		if (i < sums->n && sums->list[i].slot == slot)
			row = &sums->list[i++];
		sheet_int(&s, (int64_t)slot / 24 + 1);
		sheet_int(&s, (int64_t)slot % 24);
		sheet_int(&s, unknown ? CLOCK_NONE : row->of.n);
		sheet_seconds(&s, unknown ? CLOCK_NONE : row->of.sum_ms);
		sheet_seconds(&s, response_mean(&row->of));
		sheet_seconds(&s, response_median(&row->of));
		response_judged_write(&s, c, &row->judged,
		    sums->now >= 0 && (size_t)sums->now == slot);
		sheet_text(&s,
		    links && !unknown ? hour_href(c, base, slot, &href) : NULL);
	}
	buf_release(&href);
	sheet_end(&s);
	if (q->format == SHEET_JSON) {
		response_write_frame(
		    to, c, span, sums->as_of, complete, &sums->not_kept);
		complete_write(to, complete_state(complete, span->from,
				       span->to, q->request->now_ms));
	}
	reply_end(q, NULL);
}

static void
answer_heatmap(struct question *q)
{
	struct response_filter c = { .zone = NULL };
	struct response_span span = { .zone = NULL };
	struct response_plan plan = { .stretches = NULL };
	struct response_sums sums = { .n = 0 };
	struct completeness complete = { .n = 0 };

	if (response_filter_read(q, &c) &&
	    response_span_read(q, c.zone, &span) && check_length(q, &span) &&
	    completeness_read(q, COMPLETE_CHATS, &complete)) {
		plan_heatmap(&plan, &span);
		if (response_sums_read(q, &plan, &c, GROUP_NONE, &sums))
			write_heatmap(q, &c, &span, &sums, &complete);
	}
	completeness_release(&complete);
	response_span_release(&span);
	response_plan_release(&plan);
	response_sums_release(&sums);
	response_filter_release(&c);
}

const struct resource resource_heatmap = { "/api/v1/heatmap", VIEWER_WALL,
	"heatmap", "Responses by hour of the week in a time zone.",
	.answer = answer_heatmap,
	.parameters = LIST_NAMES("from", "to", "zone", "kind", "operator",
	    "nobody", "channel", "no_channel", "clock"),
	.impersonal = true,
	.shape = "{tenant: text, rows: [@HeatmapRow], " RESPONSE_FRAME
		 ", complete: " COMPLETE_SHAPE "}",
	.rows = { RESOURCE_ROWS("HeatmapRow", heatmap_columns) },
	.is_sheet = true };
