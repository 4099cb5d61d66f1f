/*
 * resource_responses: GET /api/v1/responses: how fast was answered, by period
 * of a zone's calendar and by operator or channel. Each row has a link to the
 * intervals it is made of. Parameters, besides those of response_span.h:
 *
 *   by              quarter, hour, day (without it), week, month, total
 *   group           none (without it), operator, channel
 *   compare         previous: the rows of the span before, too
 *   within_seconds  the share that was answered within that time
 *
 * Without a group each period has a row, with one each operator or channel that
 * has responses in the period.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/api/reply.h"
#include "sink/responses/response_href.h"
#include "sink/responses/response_sums.h"
#include "sink/responses/responses.h"

#define WITHIN_MAX_S (INT64_C(366) * 86400)

const char *const responses_parameters[] = { "from", "to", "zone", "kind",
	"operator", "nobody", "channel", "no_channel", "by", "group", "compare",
	"within_seconds", NULL };

static const struct sheet_column response_columns[] = {
	{ "span", SHEET_TEXT },
	{ "period", SHEET_NUMBER },
	{ "begin", SHEET_TEXT },
	{ "end", SHEET_TEXT },
	{ "begin_utc", SHEET_TIME },
	{ "end_utc", SHEET_TIME },
	{ "operator", SHEET_TEXT },
	{ "channel", SHEET_TEXT },
	{ "count", SHEET_NUMBER },
	{ "sum_seconds", SHEET_NUMBER },
	{ "avg_seconds", SHEET_NUMBER },
	{ "median_seconds", SHEET_NUMBER },
	{ "p90_seconds", SHEET_NUMBER },
	{ "p99_seconds", SHEET_NUMBER },
	{ "max_seconds", SHEET_NUMBER },
	{ "within", SHEET_NUMBER },
	{ "within_exact", SHEET_FLAG },
	{ "href", SHEET_TEXT },
};

struct responses_question {
	struct question *q;
	struct response_filter filter;
	enum response_by by;
	enum response_group group;
	bool compares;
	int64_t within_ms; /* CLOCK_NONE: not asked for */
	/* The span and that before it. */
	struct response_span spans[2];
	struct response_plan plans[2];
	struct response_sums sums[2];
};

/* A word of a parameter that has two; absent is the first. */
static bool
read_word(struct question *q, const char *name, const char *no, const char *yes,
    bool *is_yes)
{
	const char *v = question_parameter(q, name);

	*is_yes = v != NULL && strcmp(v, yes) == 0;
	if (v == NULL || *is_yes || strcmp(v, no) == 0)
		return true;
	return question_problem(
	    q, 400, "%s is neither %s nor %s", name, no, yes);
}

static bool
read_group(struct responses_question *r)
{
	static const char *const names[] = { "none", "operator", "channel" };
	struct question *q = r->q;
	const char *v = question_parameter(q, "group");
	size_t i = 0;

	while (v != NULL && i < ARRAY_LEN(names) && strcmp(v, names[i]) != 0)
		i++;
	if (i == ARRAY_LEN(names))
		return question_problem(
		    q, 400, "group is none of none, operator, channel");
	r->group = (enum response_group)i;
	if (r->group != GROUP_OPERATOR)
		return true;
	if (q->viewer.role == VIEWER_AGENT)
		r->filter.operator_id = q->viewer.claims.subject;
	return response_may_name_operators(q);
}

static bool
read_responses_parameters(struct responses_question *r)
{
	struct question *q = r->q;

	if (!response_filter_read(q, false, &r->filter) || !read_group(r) ||
	    !response_by_read(q, &r->by) ||
	    !read_word(q, "compare", "none", "previous", &r->compares) ||
	    !question_seconds(
		q, "within_seconds", WITHIN_MAX_S, &r->within_ms) ||
	    !response_span_read(q, r->filter.zone, &r->spans[0]) ||
	    !response_span_cut(q, &r->spans[0], r->by))
		return false;
	if (r->compares)
		r->spans[1] = response_span_before(
		    &r->spans[0], r->by, q->request->now_ms);
	return true;
}

static bool
read_spans(struct responses_question *r)
{
	size_t i, rows = 0;

	for (i = 0; i < (r->compares ? 2 : 1); i++) {
		response_plan_periods(&r->plans[i], &r->spans[i]);
		if (!response_sums_read(
			r->q, &r->plans[i], &r->filter, r->group, &r->sums[i]))
			return false;
		rows += r->sums[i].n;
		if (rows > RESPONSE_ROWS_MAX)
			return response_refuse_rows(r->q);
	}
	return true;
}

/* Both spans are of one moment, and so is their version. */
static bool
read_responses(struct responses_question *r)
{
	bool good = question_begin(r->q) && read_spans(r);

	question_end(r->q);
	if (good && r->compares)
		response_sums_join(&r->sums[0], &r->sums[1]);
	return good;
}

static void
write_within(const struct responses_question *r, struct sheet *s,
    const struct span_sum *sum)
{
	char text[16];
	bool exact;

	if (r->within_ms == CLOCK_NONE || sum->buckets_n == 0) {
		sheet_text(s, NULL);
		sheet_text(s, NULL);
		return;
	}
	(void)snprintf(text, sizeof text, "%.4f",
	    response_share_within(sum, r->within_ms, &exact));
	sheet_text(s, text);
	sheet_text(s, exact ? "1" : "0");
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
	bool unknown = response_sums_unknown(&r->sums[span], sum->slot);
	/* What is not kept is not 0, and a part of it is not all. */
	const struct span_sum none = { .n = 0 },
			      *of = unknown ? &none : &sum->of;
	struct buf href = BUF_INIT;
	char text[CALENDAR_TEXT];
	bool linked;

	sheet_text(s, span == 0 ? "asked" : "previous");
	sheet_int(s, sum->slot);
	calendar_format(z, from, text);
	sheet_text(s, text);
	calendar_format(z, to, text);
	sheet_text(s, text);
	sheet_time(s, from);
	sheet_time(s, to);
	sheet_text(s, operator_id);
	sheet_text(s, channel);
	write_metrics(s, of, unknown);
	write_within(r, s, of);
	linked = !unknown && r->sums[span].opens &&
		 response_href(r->q, &r->filter, from, to,
		     operator_id != NULL ? operator_id : r->filter.operator_id,
		     &href);
	response_href_channel(
	    channel != NULL ? channel : r->filter.channel, &href);
	sheet_text(s, linked ? buf_str(&href) : NULL);
	buf_release(&href);
}

/* Rows of the periods up to one; those that are not there have none. */
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
	struct sheet s;

	sheet_begin(&s, to, r->q->format, response_columns,
	    ARRAY_LEN(response_columns));
	write_span(r, &s, 0);
	if (r->compares)
		write_span(r, &s, 1);
	sheet_end(&s);
	if (r->q->format == SHEET_JSON)
		response_write_frame(to, &r->filter, &r->spans[0], &r->sums[0]);
	reply_end(r->q, NULL);
}

void
resource_responses(struct question *q)
{
	struct responses_question r = { .q = q, .within_ms = CLOCK_NONE };
	size_t i;

	if (read_responses_parameters(&r) && read_responses(&r))
		write_responses(&r);
	for (i = 0; i < ARRAY_LEN(r.spans); i++) {
		response_span_release(&r.spans[i]);
		response_plan_release(&r.plans[i]);
		response_sums_release(&r.sums[i]);
	}
	response_filter_release(&r.filter);
}
