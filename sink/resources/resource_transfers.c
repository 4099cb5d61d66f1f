/*
 * resource_transfers: GET /api/v1/transfers: the cost of transfers: the parts
 * into which they split waits, if they ended in the range. With group=operator
 * there is a row for each assigned operator, the longest waits first; otherwise
 * one row for all. The other parameters are from, to and zone of responses.h.
 */

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/tables/tables.h"
#include "sink/access/scope.h"
#include "sink/api/question.h"
#include "sink/resources/resource.h"
#include "sink/responses/responses.h"

static const struct sheet_column transfer_columns[] = {
	{ "operator", SHEET_TEXT,
	    "text? 'Empty for unassigned chats, null for the total'" },
	{ "count", SHEET_NUMBER,
	    "number? 'Parts of waits that ended in the range; a wait split by "
	    "transfers has one part per assignee'" },
	{ "sum_seconds", SHEET_NUMBER, NULL },
	{ "max_seconds", SHEET_NUMBER, NULL },
	{ "href", SHEET_TEXT, NULL },
};

struct transfers {
	struct question *q;
	struct response_filter filter;
	struct response_span span;
	bool by_operator;
	struct db_rows *rows;
	int64_t as_of;
	struct kept_lacking not_kept;
};

static bool
read_group(struct transfers *t)
{
	static const char *const names[] = { "none", "operator", NULL };
	size_t i = 0;

	if (!question_word(t->q, "group", names, &i))
		return false;
	t->by_operator = i > 0;
	return !t->by_operator || response_may_name_operators(t->q);
}

static bool
read_transfers(struct transfers *t)
{
	static const struct response_kind waiting = { "waiting", "'waiting'",
		0 };

	t->filter.kind = &waiting;
	return response_zone_read(t->q, &t->filter) &&
	       response_span_read(t->q, t->filter.zone, &t->span) &&
	       read_group(t);
}

static void
build_transfers(const struct transfers *t, struct buf *sql)
{
	buf_addf(sql,
	    "SELECT %s, COUNT(*), COALESCE(SUM(ms), 0), MAX(ms), MAX(as_of) "
	    "FROM intervals WHERE tenant = ? AND end_at >= ? AND end_at < ? "
	    "AND kind = 'waiting' AND " INTERVAL_COUNTS,
	    t->by_operator ? "COALESCE(operator, '')" : "NULL");
	if (t->by_operator)
		scope_add_rows(&t->q->viewer, "operator", sql);
	else
		scope_add_totals(&t->q->viewer, "operator", sql);
	if (t->by_operator)
		buf_adds(sql, " GROUP BY 1 ORDER BY 3 DESC, 1");
}

/* If there are no rows at all, the metric may not be stored. */
static bool
find_frame(struct transfers *t)
{
	bool some = false;

	t->as_of = CLOCK_NONE;
	while (db_next(t->rows)) {
		some = some || db_get_int(t->rows, 1) > 0;
		if (db_get_time(t->rows, 4) > t->as_of)
			t->as_of = db_get_time(t->rows, 4);
	}
	db_rewind(t->rows);
	return kept_find_if_empty(t->q, !some, "intervals", &t->not_kept);
}

static bool
ask_transfers(struct transfers *t)
{
	const struct db_value args[] = { db_time(t->span.from),
		db_time(t->span.to) };
	struct buf sql = BUF_INIT;
	bool good;

	build_transfers(t, &sql);
	good = question_ask(
		   t->q, buf_str(&sql), args, ARRAY_LEN(args), &t->rows) &&
	       find_frame(t);
	buf_release(&sql);
	return good;
}

/* A figure that is not stored is null, not 0. */
static void
write_transfer(const struct transfers *t, struct sheet *s)
{
	const char *operator_id = db_get(t->rows, 0);
	struct response_filter of_row = t->filter;
	bool known = t->not_kept.n == 0;
	struct buf href = BUF_INIT;

	of_row.operator_id = operator_id;
	sheet_text(s, operator_id);
	sheet_int(s, known ? db_get_int(t->rows, 1) : CLOCK_NONE);
	sheet_seconds(s, known ? db_get_int(t->rows, 2) : CLOCK_NONE);
	sheet_seconds(s, db_get_int(t->rows, 3));
	known = known &&
		response_href(t->q, &of_row, t->span.from, t->span.to, &href);
	sheet_text(s, known ? buf_str(&href) : NULL);
	buf_release(&href);
}

static void
write_transfers(struct transfers *t)
{
	struct buf *to = reply_begin(t->q);
	struct sheet s;

	sheet_begin(&s, to, t->q->format, transfer_columns,
	    ARRAY_LEN(transfer_columns));
	while (db_next(t->rows))
		write_transfer(t, &s);
	sheet_end(&s);
	if (t->q->format == SHEET_JSON)
		response_write_frame(
		    to, &t->filter, &t->span, t->as_of, &t->not_kept);
	reply_end(t->q, NULL);
}

static void
answer_transfers(struct question *q)
{
	struct transfers t = { .q = q };

	if (read_transfers(&t) && ask_transfers(&t))
		write_transfers(&t);
	db_rows_free(t.rows);
	response_span_release(&t.span);
	response_filter_release(&t.filter);
}

const struct resource resource_transfers = { "/api/v1/transfers", VIEWER_WALL,
	"transfers", "Waits that were split by transfers.",
	.answer = answer_transfers,
	.parameters = LIST_NAMES("from", "to", "zone", "group"),
	.impersonal = true,
	.shape = "{tenant: text, rows: [@TransfersRow], " RESPONSE_FRAME "}",
	.rows = { RESOURCE_ROWS("TransfersRow", transfer_columns) },
	.is_sheet = true };
