/*
 * resource_figure: GET /api/v1/figure: one figure, opened: what it is now, and,
 * with what a permalink tells of it as it was, what stayed, what came late and
 * what is gone. Parameters: those of response_span.h and interval_filter.h,
 * chat, and of the permalink
 *
 *   version, count, sum_seconds    of the figure as it was
 *
 * A row of intervals is replaced when it changes, so of what is gone only the
 * difference is known: it was withdrawn, has a newer version, or is deleted.
 *
 * Of several aggregators each has versions of its own clock, so rows of one can
 * be stored behind a link, with versions before it. They are known only as far
 * as there are more rows of these versions than the link has.
 */
#include <inttypes.h>
#include <stdio.h>

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

#define COUNT_MAX INT64_C(1000000000000)

/* Of a statement. */
#define ARGS_MAX 5

/* Among more the rewritten ones are not looked for. */
#define REWRITTEN_MAX 20000

const char *const figure_parameters[] = { "from", "to", "zone", "kind",
	"operator", "nobody", "channel", "no_channel", "chat", "weekday",
	"hour", "open", "up_to_version", "after_version", "version", "count",
	"sum_seconds", NULL };

struct figure_sum {
	int64_t n, ms;
};

struct figure_question {
	struct question *q;
	struct response_filter filter;
	struct response_span span;
	bool ranged;     /* from and to count; not with open=1 alone */
	int64_t version; /* of the link; CLOCK_NONE: none */
	struct figure_sum was;
	/* Of the tables. */
	struct figure_sum is, kept, late, withdrawn;
	int64_t max_ms, newest, as_of;
	bool are_kept; /* the tenant has intervals */
};

static bool
read_link(struct figure_question *f)
{
	struct question *q = f->q;
	const char *sum = question_parameter(q, "sum_seconds");

	f->version = f->was.n = CLOCK_NONE;
	if (!question_int(q, "version", 0, INT64_MAX, &f->version) ||
	    !question_int(q, "count", 0, COUNT_MAX, &f->was.n))
		return false;
	if (sum != NULL &&
	    !question_seconds(q, "sum_seconds", COUNT_MAX, &f->was.ms))
		return false;
	if ((f->version == CLOCK_NONE) == (f->was.n == CLOCK_NONE) &&
	    (f->version == CLOCK_NONE) == (sum == NULL))
		return true;
	return question_problem(
	    q, 400, "version, count and sum_seconds need each other");
}

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
	return response_span_read(q, f->filter.zone, &f->span) && read_link(f);
}

/* Number and sum of the rows of a condition. */
static void
add_columns(struct buf *sql, const char *condition)
{
	buf_addf(sql, "COALESCE(SUM(%s), 0), COALESCE(SUM(IF(%s, ms, 0)), 0), ",
	    condition, condition);
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
build_figure(struct figure_question *f, struct buf *sql, struct db_value *args,
    size_t *n)
{
	int64_t v = f->version != CLOCK_NONE ? f->version : INT64_MAX;
	char condition[120];

	buf_adds(sql, "SELECT ");
	add_columns(sql, INTERVAL_COUNTS);
	(void)snprintf(condition, sizeof condition,
	    INTERVAL_COUNTS " AND version > %" PRId64, v);
	add_columns(sql, condition);
	(void)snprintf(condition, sizeof condition,
	    "withdrawn = 1 AND version > %" PRId64, v);
	add_columns(sql, condition);
	buf_adds(sql, "COALESCE(MAX(IF(" INTERVAL_COUNTS ", ms, NULL)), 0), "
		      "COALESCE(MAX(version), 0), MAX(as_of)");
	return add_rows(f, sql, args, n);
}

static struct figure_sum
read_sum(const struct db_rows *rows, size_t column)
{
	return (struct figure_sum){ db_get_int(rows, column),
		db_get_int(rows, column + 1) };
}

static struct figure_sum
less(struct figure_sum a, struct figure_sum b)
{
	return (struct figure_sum){ a.n - b.n, a.ms - b.ms };
}

/* A poll by hand or of the minute writes the intervals of open chats anew, and
 * those that ended since behind them. So where the first ones of a newer
 * version are as many as are gone, and as long together, they are what they
 * were. */
static bool
find_rewritten(struct figure_question *f)
{
	struct figure_sum gone = less(f->was, less(f->is, f->late));
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value args[ARGS_MAX];
	size_t n;
	bool good;

	if (f->version == CLOCK_NONE || gone.n <= 0 || f->late.n < gone.n)
		return true;
	if (f->late.n == gone.n && f->late.ms == gone.ms) {
		f->late = (struct figure_sum){ 0, 0 };
		return true;
	}
	if (gone.n > REWRITTEN_MAX)
		return true;
	buf_adds(&sql, "SELECT COALESCE(SUM(ms), 0) FROM (SELECT ms");
	good = add_rows(f, &sql, args, &n);
	buf_addf(&sql,
	    " AND " INTERVAL_COUNTS " AND version > %" PRId64
	    " ORDER BY end_at, chat, message, kind LIMIT %" PRId64 ") s",
	    f->version, gone.n);
	good = good && question_ask(f->q, buf_str(&sql), args, n, &rows);
	if (good && db_next(rows) && db_get_int(rows, 0) == gone.ms) {
		f->late.n -= gone.n;
		f->late.ms -= gone.ms;
	}
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

/* Whether a sum has a duration, but of no interval. */
static bool
is_of_none(struct figure_sum s)
{
	return s.n == 0 && s.ms != 0;
}

/* What is more than the link has came late, whatever its version. As many that
 * are longer or shorter together are not the same: one at least is gone, and
 * another came. */
static void
find_kept(struct figure_question *f)
{
	f->kept = less(f->is, f->late);
	if (f->version == CLOCK_NONE)
		return;
	if (f->kept.n > f->was.n)
		f->kept.n = f->was.n;
	if (f->kept.ms > f->was.ms)
		f->kept.ms = f->was.ms;
	if (f->kept.n > 0 && (is_of_none(less(f->was, f->kept)) ||
				 is_of_none(less(f->is, f->kept))))
		f->kept.n--;
	if (f->kept.n == 0)
		f->kept.ms = 0;
	f->late = less(f->is, f->kept);
}

static bool
ask_figure(struct figure_question *f)
{
	struct buf sql = BUF_INIT;
	struct db_rows *rows = NULL;
	struct db_value args[ARGS_MAX];
	size_t n;
	bool good = build_figure(f, &sql, args, &n) &&
		    question_ask(f->q, buf_str(&sql), args, n, &rows);

	if (good && db_next(rows)) {
		f->is = read_sum(rows, 0);
		f->late = read_sum(rows, 2);
		f->withdrawn = read_sum(rows, 4);
		f->max_ms = db_get_int(rows, 6);
		f->newest = db_get_int(rows, 7);
		f->as_of = db_get_time(rows, 8);
	}
	good = good && find_rewritten(f);
	find_kept(f);
	f->are_kept = true;
	if (good && f->is.n == 0)
		good = kept_find(f->q, "intervals", &f->are_kept);
	db_rows_free(rows);
	buf_release(&sql);
	return good;
}

static void
member_sum(struct buf *to, const char *name, struct figure_sum s)
{
	jsonw_open_in(to, name);
	jsonw_int(to, "count", s.n);
	jsonw_seconds(to, "sum_seconds", s.ms);
	jsonw_close(to);
}

static void
write_now(const struct figure_question *f, struct buf *to)
{
	const struct span_sum sum = { .n = f->is.n, .sum_ms = f->is.ms };

	jsonw_open_in(to, "now");
	jsonw_int(to, "version", f->newest);
	if (f->are_kept) {
		jsonw_int(to, "count", f->is.n);
		jsonw_seconds(to, "sum_seconds", f->is.ms);
	} else {
		jsonw_null(to, "count");
		jsonw_null(to, "sum_seconds");
	}
	if (f->is.n > 0) {
		jsonw_seconds(to, "avg_seconds", response_mean(&sum));
		jsonw_seconds(to, "max_seconds", f->max_ms);
	} else {
		jsonw_null(to, "avg_seconds");
		jsonw_null(to, "max_seconds");
	}
	jsonw_close(to);
}

/* What the link tells, and how it became what is now. */
static void
write_then(const struct figure_question *f, struct buf *to)
{
	static const char *const names[] = { "then", "kept", "late", "gone",
		"withdrawn" };
	const struct figure_sum gone = less(f->was, f->kept);
	size_t i;

	if (f->version == CLOCK_NONE) {
		for (i = 0; i < ARRAY_LEN(names); i++)
			jsonw_null(to, names[i]);
		return;
	}
	jsonw_open_in(to, "then");
	jsonw_int(to, "version", f->version);
	jsonw_int(to, "count", f->was.n);
	jsonw_seconds(to, "sum_seconds", f->was.ms);
	jsonw_close(to);
	member_sum(to, "kept", f->kept);
	member_sum(to, "late", f->late);
	member_sum(to, "gone", gone);
	member_sum(to, "withdrawn", f->withdrawn);
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
		write_then(&f, to);
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
