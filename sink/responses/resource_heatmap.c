/*
 * resource_heatmap: GET /api/v1/heatmap: responses by hour of the week, 168
 * rows from Monday 00:00, in a zone. Parameters: those of response_span.h.
 *
 * An hour of the week is one of the clock on the wall: when the clocks change,
 * one comes twice in the range or not at all.
 */

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "sink/api/reply.h"
#include "sink/responses/response_href.h"
#include "sink/responses/response_sums.h"
#include "sink/responses/response_week.h"
#include "sink/responses/responses.h"

const char *const heatmap_parameters[] = { "from", "to", "zone", "kind",
	"operator", "nobody", "channel", "no_channel", NULL };

static const struct sheet_column heatmap_columns[] = {
	{ "weekday", SHEET_NUMBER },
	{ "hour", SHEET_NUMBER },
	{ "count", SHEET_NUMBER },
	{ "sum_seconds", SHEET_NUMBER },
	{ "avg_seconds", SHEET_NUMBER },
	{ "median_seconds", SHEET_NUMBER },
	{ "href", SHEET_TEXT },
};

static bool
check_length(struct question *q, const struct response_span *s)
{
	return s->to - s->from <= HEATMAP_DAYS_MAX * DAY_MS ||
	       question_problem(q, 400,
		   "more than %d days, ten years; take a shorter range",
		   HEATMAP_DAYS_MAX);
}

/* A stretch for each hour of the clock. */
static void
plan_heatmap(struct response_plan *p, const struct response_span *s)
{
	struct zone_span z = zone_find(s->zone, s->from);
	int64_t t, next, there;

	p->from = s->from;
	p->to = s->to;
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

/* Adds to the link of all hours which one it is. */
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
    const struct response_span *span, const struct response_sums *sums)
{
	const struct span_sum none = { .n = 0 }, *sum;
	struct buf *to = reply_begin(q);
	struct buf href = BUF_INIT;
	bool unknown, opens,
	    links = response_href(
		q, c, span->from, span->to, c->operator_id, &href);
	size_t slot, i = 0, base;
	struct sheet s;

	response_href_channel(c->channel, &href);
	base = href.len;
	sheet_begin(
	    &s, to, q->format, heatmap_columns, ARRAY_LEN(heatmap_columns));
	for (slot = 0; slot < WEEK_HOURS; slot++) {
		sum = &none;
		if (i < sums->n && sums->list[i].slot == slot)
			sum = &sums->list[i++].of;
		unknown = response_sums_unknown(sums, (int64_t)slot);
		if (unknown)
			sum = &none;
		sheet_int(&s, (int64_t)slot / 24 + 1);
		sheet_int(&s, (int64_t)slot % 24);
		sheet_int(&s, unknown ? CLOCK_NONE : sum->n);
		sheet_seconds(&s, unknown ? CLOCK_NONE : sum->sum_ms);
		sheet_seconds(&s, response_mean(sum));
		sheet_seconds(&s, response_median(sum));
		opens = links && sums->opens && !unknown;
		sheet_text(&s, opens ? hour_href(c, base, slot, &href) : NULL);
	}
	buf_release(&href);
	sheet_end(&s);
	if (q->format == SHEET_JSON)
		response_write_frame(to, c, span, sums);
	reply_end(q, NULL);
}

void
resource_heatmap(struct question *q)
{
	struct response_filter c = { .zone = NULL };
	struct response_span span = { .zone = NULL };
	struct response_plan plan = { .from = 0 };
	struct response_sums sums = { .n = 0 };

	if (response_filter_read(q, false, &c) &&
	    response_span_read(q, c.zone, &span) && check_length(q, &span)) {
		plan_heatmap(&plan, &span);
		if (response_sums_read(q, &plan, &c, GROUP_NONE, &sums))
			write_heatmap(q, &c, &span, &sums);
	}
	response_span_release(&span);
	response_plan_release(&plan);
	response_sums_release(&sums);
	response_filter_release(&c);
}
