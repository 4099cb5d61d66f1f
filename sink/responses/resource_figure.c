/*
 * resource_figure: GET /api/v1/figure: one figure, opened: what it is now, and
 * the link to the intervals that it is made of. Parameters: those of
 * response_span.h and interval_filter.h, and chat.
 */
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "common/tables/intervals.h"
#include "common/text/jsonw.h"
#include "sink/access/scope.h"
#include "sink/api/kept.h"
#include "sink/api/reply.h"
#include "sink/responses/response_href.h"
#include "sink/responses/response_sums.h"
#include "sink/responses/responses.h"

/* Of a statement. */
#define ARGS_MAX 5

const char *const figure_parameters[] = { "from", "to", "zone", "kind",
	"operator", "nobody", "channel", "no_channel", "chat", "weekday",
	"hour", "open", NULL };

struct figure_question {
	struct question *q;
	struct response_filter filter;
	struct response_span span;
	bool ranged; /* from and to count; not with open=1 alone */
	/* Of the tables. */
	struct span_sum is; /* version: of withdrawn ones, too */
	int64_t as_of;
	bool are_kept; /* the tenant has intervals */
};

static bool
read_figure(struct figure_question *f)
{
	struct question *q = f->q;

	f->ranged = question_parameter(q, "open") == NULL ||
		    question_parameter(q, "from") != NULL ||
		    question_parameter(q, "to") != NULL;
	if (!response_filter_read(q, true, &f->filter))
		return false;
	/* Only their own intervals are added up, so only these are linked. */
	if (f->filter.operator_id == NULL && q->viewer.role == VIEWER_AGENT)
		f->filter.operator_id = q->viewer.claims.subject;
	return response_span_read(q, f->filter.zone, &f->span);
}

/* value "": those without one; NULL: any. */
static void
add_choice(const char *column, const char *value, struct buf *sql,
    struct db_value *args, size_t *n)
{
	if (value == NULL)
		return;
	if (*value == '\0') {
		buf_addf(sql, " AND %s IS NULL", column);
		return;
	}
	buf_addf(sql, " AND %s = ?", column);
	args[(*n)++] = db_str(value);
}

/* Appends which rows the figure is made of, withdrawn ones included. */
static bool
add_rows(struct figure_question *f, struct buf *sql, struct db_value *args,
    size_t *n)
{
	const char *chat = question_parameter(f->q, "chat");

	buf_addf(sql, " FROM intervals%s WHERE tenant = ?",
	    chat != NULL ? " FORCE INDEX (by_chat)" : "");
	*n = 0;
	if (chat != NULL) {
		buf_adds(sql, " AND chat = ?");
		args[(*n)++] = db_str(chat);
	}
	if (f->ranged) {
		buf_adds(sql, " AND end_at >= ? AND end_at < ?");
		args[(*n)++] = db_time(f->span.from);
		args[(*n)++] = db_time(f->span.to);
	}
	buf_addf(sql, " AND kind IN (%s)", f->filter.kinds);
	add_choice("operator", f->filter.operator_id, sql, args, n);
	add_choice("channel", f->filter.channel, sql, args, n);
	scope_add_rows(&f->q->viewer, "operator", sql);
	return interval_filter_add(f->q, sql);
}

static bool
ask_figure(struct figure_question *f)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value args[ARGS_MAX];
	size_t n;
	bool good;

	buf_adds(&sql, "SELECT COALESCE(SUM(" INTERVAL_COUNTS "), 0), "
		       "COALESCE(SUM(IF(" INTERVAL_COUNTS ", ms, 0)), 0), "
		       "COALESCE(MAX(IF(" INTERVAL_COUNTS ", ms, NULL)), 0), "
		       "COALESCE(MAX(version), 0), MAX(as_of)");
	good = add_rows(f, &sql, args, &n) &&
	       question_ask(f->q, buf_str(&sql), args, n, &rows);
	if (good && db_next(rows)) {
		span_sum_add(&f->is, db_get_int(rows, 0), db_get_int(rows, 1),
		    db_get_int(rows, 2), db_get_int(rows, 3));
		f->as_of = db_get_time(rows, 4);
	}
	f->are_kept = true;
	if (good && f->is.n == 0)
		good = kept_find(f->q, "intervals", &f->are_kept);
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

static void
write_now(const struct figure_question *f, struct buf *to)
{
	jsonw_open_in(to, "now");
	jsonw_int(to, "version", f->is.version);
	if (f->are_kept) {
		jsonw_int(to, "count", f->is.n);
		jsonw_seconds(to, "sum_seconds", f->is.sum_ms);
	} else {
		jsonw_null(to, "count");
		jsonw_null(to, "sum_seconds");
	}
	if (f->is.n > 0) {
		jsonw_seconds(to, "avg_seconds", response_mean(&f->is));
		jsonw_seconds(to, "max_seconds", f->is.max_ms);
	} else {
		jsonw_null(to, "avg_seconds");
		jsonw_null(to, "max_seconds");
	}
	jsonw_close(to);
}

static void
write_links(const struct figure_question *f, struct buf *to)
{
	const char *chat = question_parameter(f->q, "chat");
	struct buf href = BUF_INIT;

	if (!f->are_kept || !response_href(f->q, &f->filter,
				f->ranged ? f->span.from : CLOCK_NONE,
				f->span.to, f->filter.operator_id, &href)) {
		jsonw_null(to, "href");
	} else {
		response_href_channel(f->filter.channel, &href);
		interval_filter_link(f->q, &href);
		if (chat != NULL) {
			buf_adds(&href, "&chat=");
			percent_encode(&href, chat);
		}
		jsonw_str(to, "href", buf_str(&href));
	}
	buf_release(&href);
}

void
resource_figure(struct question *q)
{
	struct figure_question f = { .q = q };
	struct buf *to;

	if (reply_takes_object(q) && read_figure(&f) && ask_figure(&f)) {
		to = reply_begin_object(q);
		jsonw_str(to, "kind", f.filter.kind);
		jsonw_str(to, "zone", f.filter.zone_name);
		if (f.ranged) {
			response_write_range(to, &f.filter, &f.span);
		} else {
			jsonw_null(to, "from");
			jsonw_null(to, "to");
		}
		jsonw_time(to, "as_of", f.as_of);
		write_now(&f, to);
		write_links(&f, to);
		if (f.are_kept)
			jsonw_null(to, "not_kept");
		else
			jsonw_str(to, "not_kept", "intervals");
		reply_end(q, NULL);
	}
	response_span_release(&f.span);
	response_filter_release(&f.filter);
}
