/*
 * resource_figure: GET /api/v1/figure: number, sum, average and maximum of the
 * rows that /api/v1/intervals lists for the same parameters, and the numbers of
 * their targets that were kept and missed.
 */
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/tables/tables.h"
#include "sink/api/kept.h"
#include "sink/api/question.h"
#include "sink/resources/resource.h"
#include "sink/responses/responses.h"

static const struct sheet_column figure_columns[] = {
	{ "count", SHEET_NUMBER, "number? 'Null: no intervals are stored'" },
	{ "sum_seconds", SHEET_NUMBER, NULL },
	{ "avg_seconds", SHEET_NUMBER, NULL },
	{ "max_seconds", SHEET_NUMBER, NULL },
	{ "as_of", SHEET_TIME, NULL },
	{ "kept", SHEET_NUMBER, NULL },
	{ "missed", SHEET_NUMBER, NULL },
	{ "kept_percent", SHEET_NUMBER, NULL },
	{ "closed", SHEET_NUMBER, NULL },
};

struct figure {
	struct response_filter clock; /* only its clock is used */
	struct span_sum sum;
	struct response_judged judged;
	int64_t as_of;
	struct kept_lacking lacking;
};

/* Of the rows; their lengths are in the column. */
#define TOTALS(column)                                                         \
	"COUNT(" column "), COALESCE(SUM(" column "), 0), "                    \
	"COALESCE(MAX(" column "), 0), MAX(as_of), COUNT(NULLIF(kept, 0)), "   \
	"COUNT(NULLIF(kept, 1)), COUNT(CASE WHEN " INTERVAL_CLOSED             \
	" THEN 1 END)"

/* If there are no rows at all, the metric may not be stored. */
static bool
ask_figure(struct question *q, struct figure *f)
{
	struct db_rows *rows = NULL;
	bool good = list_ask_totals(q, resource_intervals.list,
	    f->clock.work ? TOTALS("work_ms") : TOTALS("ms"), &rows);

	if (good && db_next(rows)) {
		span_sum_add(&f->sum, db_get_int(rows, 0), db_get_int(rows, 1),
		    db_get_int(rows, 2));
		f->as_of = db_get_time(rows, 3);
		f->judged =
		    (struct response_judged){ .kept = db_get_int(rows, 4),
			    .missed = db_get_int(rows, 5),
			    .closed = db_get_int(rows, 6) };
	}
	db_rows_free(rows);
	return good &&
	       kept_find_if_empty(q, f->sum.n == 0, "intervals", &f->lacking);
}

static void
write_figure(const struct figure *f, struct sheet *s)
{
	const struct response_judged *j = &f->judged;
	bool known = f->lacking.n == 0;
	bool targets = response_has_targets(&f->clock);
	bool hours = response_has_hours(&f->clock);

	sheet_int(s, known ? f->sum.n : CLOCK_NONE);
	sheet_seconds(s, known ? f->sum.sum_ms : CLOCK_NONE);
	sheet_seconds(s, response_mean(&f->sum));
	sheet_seconds(s, f->sum.n > 0 ? f->sum.max_ms : CLOCK_NONE);
	sheet_time(s, f->as_of);
	sheet_int(s, targets ? j->kept : CLOCK_NONE);
	sheet_int(s, targets ? j->missed : CLOCK_NONE);
	response_percent_write(s, j->kept, targets ? j->kept + j->missed : 0);
	sheet_int(s, hours ? j->closed : CLOCK_NONE);
}

static void
answer_figure(struct question *q)
{
	struct figure f = { .as_of = CLOCK_NONE };
	struct buf *to;
	struct sheet s;

	if (!response_clock_read_rows(q, &f.clock) || !ask_figure(q, &f))
		return;
	to = reply_begin(q);
	sheet_begin(
	    &s, to, q->format, figure_columns, ARRAY_LEN(figure_columns));
	write_figure(&f, &s);
	sheet_end(&s);
	if (q->format == SHEET_JSON) {
		response_clock_write(&f.clock, to);
		kept_write_lacking(&f.lacking, to);
	}
	reply_end(q, NULL);
}

const struct resource resource_figure = { "/api/v1/figure", VIEWER_OPERATOR,
	"figure",
	"Number and sum of the intervals that /api/v1/intervals "
	"lists for the same parameters.",
	.answer = answer_figure,
	.parameters = LIST_NAMES("from", "to", "zone", "kind", "chat",
	    "message", "operator", "nobody", "channel", "no_channel",
	    "withdrawn", "weekday", "hour", "open", "min_seconds", "at",
	    "clock", "kept", "target"),
	.impersonal = true,
	.shape = "{tenant: text, rows: [@FigureRow] 'One row', " RESPONSE_CLOCK
		 ", not_kept: text? 'intervals, if none are stored'}",
	.rows = { RESOURCE_ROWS("FigureRow", figure_columns) },
	.is_sheet = true };
