/*
 * resource_figure: GET /api/v1/figure: number, sum, average and maximum of the
 * rows that /api/v1/intervals lists for the same parameters.
 */
#include "common/base/clock.h"
#include "common/base/xalloc.h"
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
};

/* If there are no rows at all, the metric may not be stored. */
static bool
ask_figure(struct question *q, struct span_sum *sum, int64_t *as_of,
    struct kept_lacking *lacking)
{
	struct db_rows *rows = NULL;
	bool good = list_ask_totals(q, resource_intervals.list,
	    "COUNT(ms), COALESCE(SUM(ms), 0), COALESCE(MAX(ms), 0), MAX(as_of)",
	    &rows);

	if (good && db_next(rows)) {
		span_sum_add(sum, db_get_int(rows, 0), db_get_int(rows, 1),
		    db_get_int(rows, 2));
		*as_of = db_get_time(rows, 3);
	}
	db_rows_free(rows);
	return good && kept_find_if_empty(q, sum->n == 0, "intervals", lacking);
}

static void
answer_figure(struct question *q)
{
	struct span_sum sum = { .n = 0 };
	struct kept_lacking lacking = { .n = 0 };
	int64_t as_of = CLOCK_NONE;
	struct buf *to;
	struct sheet s;
	bool known;

	if (!ask_figure(q, &sum, &as_of, &lacking))
		return;
	known = lacking.n == 0;
	to = reply_begin(q);
	sheet_begin(
	    &s, to, q->format, figure_columns, ARRAY_LEN(figure_columns));
	sheet_int(&s, known ? sum.n : CLOCK_NONE);
	sheet_seconds(&s, known ? sum.sum_ms : CLOCK_NONE);
	sheet_seconds(&s, response_mean(&sum));
	sheet_seconds(&s, sum.n > 0 ? sum.max_ms : CLOCK_NONE);
	sheet_time(&s, as_of);
	sheet_end(&s);
	if (q->format == SHEET_JSON)
		kept_write_lacking(&lacking, to);
	reply_end(q, NULL);
}

const struct resource resource_figure = { "/api/v1/figure", VIEWER_AGENT,
	"figure",
	"Number and sum of the intervals that /api/v1/intervals "
	"lists for the same parameters.",
	.answer = answer_figure,
	.parameters = LIST_NAMES("from", "to", "zone", "kind", "chat",
	    "message", "operator", "nobody", "channel", "no_channel",
	    "withdrawn", "weekday", "hour", "open", "min_seconds", "at"),
	.impersonal = true,
	.shape = "{tenant: text, rows: [@FigureRow] 'One row', not_kept: text? "
		 "'intervals, if none are stored'}",
	.rows = { RESOURCE_ROWS("FigureRow", figure_columns) },
	.is_sheet = true };
