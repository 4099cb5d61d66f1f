/*
 * original_analytics: what is read of the analytics service that this program
 * replaces: GET /api/v1/analytics/conversations/ID/analytics,
 * channels/ID/analytics, dashboard and health, in its shapes: zeros where there
 * are no rows, and never 404. A period includes both its ends.
 *
 * What no row tells is null: what needs a metric that the tenant does not keep;
 * how much of what a channel was sent had success, and when it was up; and the
 * cache, which is none.
 */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "sink/api/kept.h"
#include "sink/api/reply.h"
#include "sink/api/sharded.h"
#include "sink/resources/count_cache.h"
#include "sink/resources/original_query.h"
#include "sink/resources/resource.h"
#include "sink/responses/response_sums.h"

/* Different labels, and different intents, of one conversation. */
#define WORDS_MAX "1000"

/* Hours of a channel in one answer: 416 days. */
#define HOURS_MAX 10000
#define HOURS_LIMIT "10001" /* that and one more */

#define MS_OF_MINUTE 60000.0

struct analytics_period {
	int64_t start, end;
};

static void
member_period(struct buf *to, const struct analytics_period *p)
{
	jsonw_open_in(to, "period");
	jsonw_time(to, "start", p->start);
	jsonw_time(to, "end", p->end);
	jsonw_close(to);
}

/* A number as the database has it; 0: NULL. */
static void
member_cell(struct buf *to, const char *name, const struct db_rows *r, size_t i)
{
	const char *text = db_get(r, i);

	jsonw_key(to, name);
	buf_adds(to, text != NULL ? text : "0");
}

/* CLOCK_NONE: it is not known. */
static void
member_count(struct buf *to, const char *name, int64_t n)
{
	if (n == CLOCK_NONE)
		jsonw_null(to, name);
	else
		jsonw_int(to, name, n);
}

static void
member_real(struct buf *to, const char *name, bool known, double value)
{
	if (!known) {
		jsonw_null(to, name);
		return;
	}
	jsonw_key(to, name);
	jsonw_real(to, value);
}

/* Of none: null. */
static void
member_mean(struct buf *to, const char *name, double sum, int64_t n)
{
	member_real(to, name, n > 0, n > 0 ? sum / (double)n : 0);
}

/* Of one conversation or channel: the statement has its id and the period
 * behind the tenant. */
static bool
ask_in_period(struct question *q, const char *sql, const char *id,
    const struct analytics_period *p, struct db_rows **rows)
{
	const struct db_value args[] = { db_str(id), db_time(p->start),
		db_time(p->end) };

	return question_ask(q, sql, args, ARRAY_LEN(args), rows);
}

static bool
ask_conversation(struct question *q, const char *id,
    const struct analytics_period *p, struct db_rows **rows)
{
	return ask_in_period(q,
	    "SELECT COUNT(*), SUM(direction = 'inbound'), "
	    "SUM(direction = 'outbound'), AVG(message_length), "
	    "AVG(sentiment_score), COUNT(DISTINCT intent_name), "
	    "AVG(response_time), MAX(response_time), MIN(response_time) "
	    "FROM message_analytics WHERE tenant = ? AND conversation_id = ? "
	    "AND created_at >= ? AND created_at <= ?",
	    id, p, rows);
}

/* How often each word of the column is there. */
static bool
ask_words(struct question *q, const char *column, const char *id,
    const struct analytics_period *p, struct db_rows **rows)
{
	struct buf sql = BUF_INIT;
	bool good;

	buf_addf(&sql,
	    "SELECT %s, COUNT(*) FROM message_analytics WHERE tenant = ? "
	    "AND conversation_id = ? AND created_at >= ? AND created_at <= ? "
	    "AND %s IS NOT NULL GROUP BY %s ORDER BY 2 DESC, 1 "
	    "LIMIT " WORDS_MAX,
	    column, column, column);
	good = ask_in_period(q, buf_str(&sql), id, p, rows);
	buf_release(&sql);
	return good;
}

static void
write_word_counts(struct buf *to, const char *name, struct db_rows *words)
{
	jsonw_open_in(to, name);
	while (db_next(words)) {
		jsonw_name(to, db_get(words, 0), db_get_len(words, 0));
		buf_adds(to, db_get(words, 1));
	}
	jsonw_close(to);
}

static void
write_conversation(struct question *q, const char *id,
    const struct analytics_period *p, struct db_rows *r, struct db_rows *labels,
    struct db_rows *intents)
{
	struct buf *to = &q->answer->body;

	(void)db_next(r);
	jsonw_open(to);
	jsonw_str(to, "conversation_id", id);
	member_period(to, p);
	jsonw_open_in(to, "message_metrics");
	member_cell(to, "total_messages", r, 0);
	member_cell(to, "inbound_messages", r, 1);
	member_cell(to, "outbound_messages", r, 2);
	member_cell(to, "avg_message_length", r, 3);
	jsonw_close(to);
	jsonw_open_in(to, "sentiment_metrics");
	member_cell(to, "avg_sentiment", r, 4);
	write_word_counts(to, "sentiment_distribution", labels);
	jsonw_close(to);
	jsonw_open_in(to, "intent_metrics");
	write_word_counts(to, "intent_distribution", intents);
	member_cell(to, "intent_changes", r, 5);
	jsonw_close(to);
	jsonw_open_in(to, "performance_metrics");
	member_cell(to, "avg_response_time", r, 6);
	member_cell(to, "max_response_time", r, 7);
	member_cell(to, "min_response_time", r, 8);
	jsonw_close(to);
	reply_end(q, NULL);
}

void
original_conversation(struct question *q)
{
	struct analytics_period p = { .end = q->request->now_ms };
	struct db_rows *rows = NULL, *labels = NULL, *intents = NULL;
	char id[RECORD_MAX_ID + 1];
	struct original_query o;

	if (!reply_takes_json(q))
		return;
	p.start = CLOCK_NONE;
	original_query_begin(&o, q);
	original_query_time(&o, "start_time", false, &p.start);
	original_query_time(&o, "end_time", false, &p.end);
	if (p.start == CLOCK_NONE)
		p.start = p.end - 7 * DAY_MS;
	if (original_query_end(&o) && question_part(q, 4, id) &&
	    ask_conversation(q, id, &p, &rows) &&
	    ask_words(q, "sentiment_label", id, &p, &labels) &&
	    ask_words(q, "intent_name", id, &p, &intents))
		write_conversation(q, id, &p, rows, labels, intents);
	db_rows_free(rows);
	db_rows_free(labels);
	db_rows_free(intents);
}

/* Neither the series nor what is added up ends at some hour in silence. */
static bool
check_hours(struct question *q, const struct db_rows *rows)
{
	return db_rows_count(rows) <= HOURS_MAX ||
	       question_problem(q, 400,
		   "the range has more than %d hours; ask for a shorter one",
		   HOURS_MAX);
}

/* The whole hours of a period are [first, last); both are behind its end if
 * there is none. The hour that is now, which nothing is after, is whole. */
static void
find_whole_hours(const struct question *q, const struct analytics_period *p,
    int64_t *first, int64_t *last)
{
	*first = clock_ceil(p->start, HOUR_MS);
	*last = clock_floor(p->end, HOUR_MS);
	if (p->end >= q->request->now_ms)
		*last += HOUR_MS;
	if (*first >= *last)
		*first = *last = p->end + 1;
}

/* Which of the analyses of a period are added up, and which are read one by
 * one, as conditions: hours that the period cuts, or that are not added up yet
 * (sink/rollup/sums_due.h). */
struct analysed_time {
	struct buf hours, rows;
};

static void
add_range(struct question *q, const char *column, int64_t from, int64_t to,
    struct buf *sql)
{
	buf_addf(sql, "(%s >= ", column);
	db_quote(q->db, sql, db_time(from));
	buf_addf(sql, " AND %s < ", column);
	db_quote(q->db, sql, db_time(to));
	buf_addc(sql, ')');
}

static void
add_due(struct question *q, struct db_rows *due, struct analysed_time *t)
{
	int64_t hour;

	while (db_next(due)) {
		hour = db_get_time(due, 0);
		buf_adds(&t->rows, " OR ");
		add_range(q, "created_at", hour, hour + HOUR_MS, &t->rows);
		buf_adds(&t->hours, " AND NOT ");
		add_range(q, "`hour`", hour, hour + HOUR_MS, &t->hours);
	}
}

/* False: the answer is a problem. The texts are to be released. */
static bool
find_analysed_time(struct question *q, const struct analytics_period *p,
    struct analysed_time *t)
{
	struct db_rows *due = NULL;
	int64_t first, last;
	bool good;

	*t = (struct analysed_time){ BUF_INIT, BUF_INIT };
	find_whole_hours(q, p, &first, &last);
	good = question_ask(q,
	    "SELECT `hour` FROM sums_due WHERE tenant = ? "
	    "AND sums = 'analytics' AND `hour` >= ? AND `hour` < ? "
	    "LIMIT " HOURS_LIMIT,
	    (const struct db_value[]){ db_time(first), db_time(last) }, 2,
	    &due);
	if (!good)
		return false;
	add_range(q, "`hour`", first, last, &t->hours);
	buf_addc(&t->rows, '(');
	add_range(q, "created_at", p->start, first, &t->rows);
	buf_adds(&t->rows, " OR ");
	add_range(q, "created_at", last, p->end + 1, &t->rows);
	add_due(q, due, t);
	buf_addc(&t->rows, ')');
	good = check_hours(q, due);
	db_rows_free(due);
	return good;
}

static void
release_analysed_time(struct analysed_time *t)
{
	buf_release(&t->hours);
	buf_release(&t->rows);
}

/* A channel by hour, newest first: what channel_metrics counts in hours that
 * begin in the period, NULL where it has none, and what callers told of it. */
#define CHANNEL_HOURS_OF                                                       \
	"SELECT `hour`, SUM(conversations), SUM(messages), SUM(analyses), "    \
	"SUM(response_sum), SUM(responses) FROM ("                             \
	"SELECT `hour`, active_conversations AS conversations, messages, "     \
	"0 AS analyses, 0 AS response_sum, 0 AS responses FROM "
#define CHANNEL_HOURS_END                                                      \
	" WHERE tenant = ? AND channel = ? AND `hour` >= ? AND `hour` <= ? "   \
	"UNION ALL SELECT `hour`, NULL, NULL, messages, response_sum, "        \
	"responses FROM message_analytics_hours WHERE tenant = ? "             \
	"AND channel = ? AND %s AND messages > 0 "                             \
	"UNION ALL SELECT CAST(DATE_FORMAT(created_at, '%%Y-%%m-%%d "          \
	"%%H:00:00') AS DATETIME(3)), NULL, NULL, 1, "                         \
	"COALESCE(response_time, 0), response_time IS NOT NULL "               \
	"FROM message_analytics WHERE tenant = ? AND channel_id = ? AND %s"    \
	") s GROUP BY 1 ORDER BY 1 DESC LIMIT " HOURS_LIMIT
enum { HOUR, CONVERSATIONS, MESSAGES, ANALYSES, RESPONSE_SUM, RESPONSES };

static bool
ask_hours(struct question *q, const char *id, const struct analytics_period *p,
    struct db_rows **rows)
{
	const struct db_value tenant = db_str(q->viewer.tenant),
			      channel = db_str(id);
	const struct db_value args[] = { channel, db_time(p->start),
		db_time(p->end), tenant, channel, tenant, channel };
	struct analysed_time t;
	struct buf sql = BUF_INIT;
	bool good;

	buf_adds(&sql, CHANNEL_HOURS_OF);
	good =
	    find_analysed_time(q, p, &t) &&
	    sharded_table(q, "channel_metrics", "channel_metrics_parts", &sql);
	buf_addf(&sql, CHANNEL_HOURS_END, buf_str(&t.hours), buf_str(&t.rows));
	good =
	    good && question_ask(q, buf_str(&sql), args, ARRAY_LEN(args), rows);
	buf_release(&sql);
	release_analysed_time(&t);
	return good;
}

/* Sums over a channel's hours. */
struct channel_sums {
	bool counted; /* by channel_metrics; else only analyses tell of it */
	int64_t conversations, messages, analyses;
	double response_sum; /* in seconds */
	int64_t responses;
};

static bool
is_counted(const struct db_rows *hour)
{
	return db_get(hour, MESSAGES) != NULL;
}

static void
add_up_hours(struct db_rows *hours, struct channel_sums *s)
{
	while (db_next(hours)) {
		if (is_counted(hours)) {
			s->counted = true;
			s->conversations += db_get_int(hours, CONVERSATIONS);
			s->messages += db_get_int(hours, MESSAGES);
		}
		s->analyses += db_get_int(hours, ANALYSES);
		s->response_sum += strtod(db_get(hours, RESPONSE_SUM), NULL);
		s->responses += db_get_int(hours, RESPONSES);
	}
	db_rewind(hours);
}

static void
add_hour(struct buf *to, const struct db_rows *hour, bool counted)
{
	jsonw_next(to);
	jsonw_open(to);
	jsonw_time(to, "timestamp", db_get_time(hour, HOUR));
	member_count(
	    to, "active_conversations", db_get_int(hour, CONVERSATIONS));
	member_count(to, "messages_processed",
	    db_get_int(hour, counted ? MESSAGES : ANALYSES));
	member_mean(to, "response_time",
	    strtod(db_get(hour, RESPONSE_SUM), NULL),
	    db_get_int(hour, RESPONSES));
	jsonw_null(to, "success_rate");
	jsonw_close(to);
}

static void
write_channel(struct question *q, const char *id,
    const struct analytics_period *p, struct db_rows *hours)
{
	struct buf *to = &q->answer->body;
	struct channel_sums s = { .counted = false };

	add_up_hours(hours, &s);
	jsonw_open(to);
	jsonw_str(to, "channel_id", id);
	member_period(to, p);
	jsonw_open_in(to, "metrics");
	if (db_rows_count(hours) > 0) {
		member_count(to, "total_conversations",
		    s.counted ? s.conversations : CLOCK_NONE);
		jsonw_int(
		    to, "total_messages", s.counted ? s.messages : s.analyses);
		member_mean(
		    to, "avg_response_time", s.response_sum, s.responses);
		jsonw_null(to, "success_rate");
		jsonw_null(to, "uptime_percentage");
	}
	jsonw_close(to);
	jsonw_key(to, "time_series");
	jsonw_list(to);
	while (db_next(hours)) {
		if (is_counted(hours) || !s.counted)
			add_hour(to, hours, s.counted);
	}
	jsonw_list_end(to);
	reply_end(q, NULL);
}

void
original_channel(struct question *q)
{
	struct analytics_period p = { .start = 0 };
	struct db_rows *hours = NULL;
	char id[RECORD_MAX_ID + 1];
	struct original_query o;

	if (!reply_takes_json(q))
		return;
	original_query_begin(&o, q);
	original_query_time(&o, "start_time", true, &p.start);
	original_query_time(&o, "end_time", true, &p.end);
	if (original_query_end(&o) && question_part(q, 4, id) &&
	    ask_hours(q, id, &p, &hours) && check_hours(q, hours))
		write_channel(q, id, &p, hours);
	db_rows_free(hours);
}

/* Whole numbers are added up as decimals, slower than the doubles that + 0e0
 * makes of them; these are as exact up to 2^53, and CAST writes them without an
 * exponent. */
static bool
ask_messages_of(
    struct question *q, const struct analytics_period *p, struct db_rows **rows)
{
	const struct db_value tenant = db_str(q->viewer.tenant);
	struct analysed_time t;
	struct buf sql = BUF_INIT;
	bool good = find_analysed_time(q, p, &t);

	buf_addf(&sql,
	    "SELECT CAST(SUM(messages) AS SIGNED), "
	    "CAST(SUM(inbound) AS SIGNED), CAST(SUM(outbound) AS SIGNED), "
	    "SUM(sentiment_sum) / SUM(sentiments), "
	    "SUM(response_sum) / SUM(responses) FROM ("
	    "SELECT SUM(messages + 0e0) AS messages, "
	    "SUM(inbound + 0e0) AS inbound, SUM(outbound + 0e0) AS outbound, "
	    "SUM(sentiments + 0e0) AS sentiments, "
	    "SUM(sentiment_sum) AS sentiment_sum, "
	    "SUM(responses + 0e0) AS responses, "
	    "SUM(response_sum) AS response_sum "
	    "FROM message_analytics_hours WHERE tenant = ? AND %s "
	    "UNION ALL SELECT SUM(1), SUM(direction = 'inbound'), "
	    "SUM(direction = 'outbound'), SUM(sentiment_score IS NOT NULL), "
	    "SUM(sentiment_score), SUM(response_time IS NOT NULL), "
	    "SUM(response_time) "
	    "FROM message_analytics WHERE tenant = ? AND %s) s",
	    buf_str(&t.hours), buf_str(&t.rows));
	good = good && question_ask(q, buf_str(&sql), &tenant, 1, rows);
	buf_release(&sql);
	release_analysed_time(&t);
	return good;
}

struct active_question {
	struct question *q;
	int64_t since;
};

#define COUNT_SINCE(table)                                                     \
	"SELECT COUNT(*) FROM " table                                          \
	" WHERE tenant = ? AND last_message_at >= ?"

/* A count_cache_fn. The period ends now: whoever wrote in it wrote last in it.
 * CLOCK_NONE: no conversations are kept. */
static bool
count_active(void *ctx, int64_t *n)
{
	const struct active_question *a = ctx;
	const struct db_value since = db_time(a->since);
	struct db_rows *rows = NULL;
	bool sharded, good, are_kept = true;

	/* Left to itself the server counts in all that the tenant has. */
	good = sharded_find(a->q, "conversation_metrics_parts", &sharded) &&
	       question_ask(a->q,
		   sharded ? COUNT_SINCE("conversation_metrics_all")
			   : COUNT_SINCE(
				 "conversation_metrics FORCE INDEX (by_time)"),
		   &since, 1, &rows);
	*n = good && db_next(rows) ? db_get_int(rows, 0) : 0;
	db_rows_free(rows);
	if (good && *n == 0)
		good = kept_find(a->q, "conversations", &are_kept);
	if (!are_kept)
		*n = CLOCK_NONE;
	return good;
}

/* Number and duration of what was resolved, up to the end of this hour: of the
 * tenant for everybody, as the conversations are that it is a part of.
 * CLOCK_NONE: what is kept is not all. */
static bool
ask_resolved(struct question *q, const struct analytics_period *p, int64_t *n,
    int64_t *sum_ms)
{
	int64_t begins[] = { p->start, (p->end / HOUR_MS + 1) * HOUR_MS };
	const struct response_span span = {
		.from = begins[0], .to = begins[1], .begins = begins, .n = 1
	};
	const struct response_filter choice = { .kinds = "'resolution'",
		.kind_set = 1U << SPAN_RESOLUTION,
		.of_tenant = true };
	struct response_plan plan = { .from = 0 };
	struct response_sums sums;
	bool good;

	response_plan_periods(&plan, &span);
	good = response_sums_read(q, &plan, &choice, GROUP_NONE, &sums);
	*n = sums.n > 0 ? sums.list[0].of.n : 0;
	if (response_sums_unknown(&sums, 0))
		*n = CLOCK_NONE;
	*sum_ms = sums.n > 0 ? sums.list[0].of.sum_ms : 0;
	response_sums_release(&sums);
	response_plan_release(&plan);
	return good;
}

static void
write_conversations(
    struct buf *to, int64_t active, int64_t resolved, int64_t sum_ms)
{
	double total = (double)active, n = (double)resolved;
	double rate = n / (total > 1 ? total : 1) * 100;
	bool known = resolved != CLOCK_NONE;

	jsonw_open_in(to, "conversation_metrics");
	member_count(to, "total", active);
	member_count(to, "resolved", resolved);
	member_real(to, "avg_duration", known,
	    resolved > 0 ? (double)sum_ms / MS_OF_MINUTE / n : 0);
	/* A conversation may be resolved twice. */
	member_real(to, "resolution_rate", known && active != CLOCK_NONE,
	    rate < 100 ? rate : 100);
	jsonw_close(to);
}

static void
write_dashboard(struct question *q, const struct analytics_period *p,
    struct db_rows *messages, int64_t active, int64_t resolved, int64_t sum_ms)
{
	struct buf *to = &q->answer->body;

	(void)db_next(messages);
	jsonw_open(to);
	member_period(to, p);
	jsonw_open_in(to, "message_metrics");
	member_cell(to, "total", messages, 0);
	member_cell(to, "inbound", messages, 1);
	member_cell(to, "outbound", messages, 2);
	member_cell(to, "avg_sentiment", messages, 3);
	member_cell(to, "avg_response_time", messages, 4);
	jsonw_close(to);
	write_conversations(to, active, resolved, sum_ms);
	reply_end(q, NULL);
}

void
original_dashboard(struct question *q)
{
	static const char *const words[] = { "hour", "day", "week", "month",
		NULL };
	static const char *const counted[] = { "active/hour", "active/day",
		"active/week", "active/month" };
	static const int days[] = { 1, 7, 28, 90 };
	struct analytics_period p = { .end = q->request->now_ms };
	struct count_cache_key key = { .tenant = q->viewer.tenant };
	struct active_question a = { .q = q };
	struct db_rows *messages = NULL;
	int64_t active, resolved, sum_ms;
	struct original_query o;
	size_t word;

	if (!reply_takes_json(q))
		return;
	original_query_begin(&o, q);
	word = original_query_word(&o, "period", words, 1);
	key.what = counted[word];
	key.period_ms = days[word] * DAY_MS;
	a.since = p.start = p.end - key.period_ms;
	if (original_query_end(&o) && ask_messages_of(q, &p, &messages) &&
	    count_cache_get(&key, count_active, &a, &active) &&
	    ask_resolved(q, &p, &resolved, &sum_ms))
		write_dashboard(q, &p, messages, active, resolved, sum_ms);
	db_rows_free(messages);
}

/* Answered by anyone's request, and with 200 whatever it says. A server that
 * may read no other table reads the tokens that were revoked. */
void
original_health(struct question *q)
{
	struct web_answer *a = q->answer;
	struct db_rows *rows = NULL;
	bool good;

	if (!reply_takes_json(q))
		return;
	good = question_ask(q,
	    "SELECT 1 FROM revoked_tokens WHERE tenant = ? LIMIT 1", NULL, 0,
	    &rows);
	db_rows_free(rows);
	a->status = 200;
	a->content_type = NULL;
	a->retry_after = 0;
	buf_clear(&a->body);
	jsonw_open(&a->body);
	jsonw_str(&a->body, "status", good ? "healthy" : "unhealthy");
	jsonw_time(&a->body, "timestamp", q->request->now_ms);
	jsonw_bool(&a->body, "database_connected", good);
	jsonw_null(&a->body, "cache_connected");
	jsonw_null(&a->body, "processing_queue_size");
	reply_end(q, NULL);
}
