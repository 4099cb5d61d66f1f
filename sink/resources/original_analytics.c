/*
 * original_analytics: the reading routes of the analytics service that this
 * program replaces: GET /api/v1/analytics/conversations/ID/analytics,
 * channels/ID/analytics, dashboard and health, in its format: zeros if there
 * are no rows, and never 404. A period includes both of its ends.
 *
 * Messages and response times come from the stored messages. Of conversations
 * and on the dashboard, analyses that callers posted about messages are used if
 * there are more of them, or no other data; they add sentiments and intents.
 *
 * Unknown values are null: those that need a metric that the tenant does not
 * store, the success rate and uptime of a channel, and the cache, which does
 * not exist.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/http/web.h"
#include "common/json/jsonw.h"
#include "common/tables/tables.h"
#include "sink/api/kept.h"
#include "sink/api/question.h"
#include "sink/resources/resource.h"
#include "sink/responses/responses.h"

/* The query, checked in the order of that service and with its error texts:
 * wrong parameters give 422 and a list of all errors. tenant_id must be that of
 * the token. */

#define TIME_TEXT_MAX 64

struct original_query {
	struct question *q;
	struct validate_errors errors;
};

static const struct validate_place in_parameters = { NULL, "query", 0 };

static const char *
original_parameter(const struct original_query *o, const char *name)
{
	return web_last_parameter(o->q->request, name, "");
}

static void
add_missing(struct original_query *o, const char *name)
{
	struct validate_place at = { &in_parameters, name, 0 };

	validate_error(&o->errors, &at, "is missing");
}

static void
original_query_begin(struct original_query *o, struct question *q)
{
	*o = (struct original_query){ .q = q };
	if (original_parameter(o, "tenant_id") == NULL)
		add_missing(o, "tenant_id");
}

/* Reads a date, or a time whose offset, or seconds and offset, may be
 * missing. */
static bool
parse_original_time(const char *text, int64_t *ms)
{
	static const char *const missing[] = { "", "Z", ":00Z", "T00:00:00Z" };
	char whole[TIME_TEXT_MAX];
	size_t i;
	int n;

	for (i = 0; i < ARRAY_LEN(missing); i++) {
		n = snprintf(whole, sizeof whole, "%s%s", text, missing[i]);
		if ((size_t)n < sizeof whole &&
		    clock_parse(whole, (size_t)n, ms) == 0)
			return true;
	}
	return false;
}

static void
original_query_time(
    struct original_query *o, const char *name, bool needed, int64_t *ms)
{
	struct validate_place at = { &in_parameters, name, 0 };
	const char *text = original_parameter(o, name);

	if (text == NULL && needed)
		add_missing(o, name);
	if (text != NULL && !parse_original_time(text, ms))
		validate_error(&o->errors, &at, "must be a time (RFC 3339)");
}

static size_t
original_query_word(struct original_query *o, const char *name,
    const char *const *words, size_t otherwise)
{
	struct validate_place at = { &in_parameters, name, 0 };
	const char *text = original_parameter(o, name);
	struct buf known = BUF_INIT;
	size_t i;

	if (text == NULL)
		return otherwise;
	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0)
			break;
		buf_addf(&known, "%s%s", i > 0 ? ", " : "", words[i]);
	}
	if (words[i] == NULL) {
		validate_error(
		    &o->errors, &at, "must be one of %s", buf_str(&known));
		i = otherwise;
	}
	buf_release(&known);
	return i;
}

static bool
original_query_end(struct original_query *o)
{
	const char *tenant = original_parameter(o, "tenant_id");
	bool good = o->errors.n == 0;

	if (!good)
		validate_answer(&o->errors, o->q->answer);
	else if (strcmp(tenant, o->q->viewer.tenant) != 0)
		good = question_problem(
		    o->q, 403, "tenant_id is not the tenant of the token");
	validate_release(&o->errors);
	return good;
}

/* The answers. */

/* Maximum number of different labels, and of different intents, in a
 * conversation. */
#define WORDS_MAX "1000"

/* Maximum number of hours for a channel in one answer: 416 days. */
#define HOURS_MAX 10000

#define MS_OF_SECOND 1000.0
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

/* Writes a number as the database has it; 0 for NULL. */
static void
member_cell(struct buf *to, const char *name, const struct db_rows *r, size_t i)
{
	const char *text = db_get(r, i);

	jsonw_key(to, name);
	buf_adds(to, text != NULL ? text : "0");
}

/* CLOCK_NONE: unknown. */
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

/* Queries one conversation or channel: the statement's arguments after the
 * tenant are its id and the period. */
static bool
ask_in_period(struct question *q, const char *sql, const char *id,
    const struct analytics_period *p, struct db_rows **rows)
{
	const struct db_value args[] = { db_str(id), db_time(p->start),
		db_time(p->end) };

	return question_ask(q, sql, args, ARRAY_LEN(args), rows);
}

/* The messages that metrics count: no notes, and no system messages. */
#define IS_MESSAGE "private = 0 AND sender IN ('customer', 'operator', 'bot')"

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

/* The stored messages and responses of a conversation. */
#define IS_RESPONSE "kind IN ('first_response', 'reply') AND " INTERVAL_COUNTS

static bool
ask_stored_conversation(struct question *q, const char *id,
    const struct analytics_period *p, struct db_rows **messages,
    struct db_rows **responses)
{
	return ask_in_period(q,
		   "SELECT COUNT(*), SUM(sender = 'customer'), "
		   "SUM(sender <> 'customer'), AVG(CHAR_LENGTH(content) + 0e0) "
		   "FROM messages WHERE tenant = ? AND conversation_id = ? "
		   "AND created_at >= ? AND created_at <= ? AND " IS_MESSAGE,
		   id, p, messages) &&
	       ask_in_period(q,
		   "SELECT AVG(ms) / 1000, MAX(ms) / 1000, MIN(ms) / 1000 "
		   "FROM intervals WHERE tenant = ? AND chat = ? "
		   "AND end_at >= ? AND end_at <= ? AND " IS_RESPONSE,
		   id, p, responses);
}

/* Counts how often each word of the column occurs. */
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

/* Returns the row whose first cell, a number, is greater; both results have one
 * row. */
static const struct db_rows *
with_more(const struct db_rows *stored, const struct db_rows *posted)
{
	int64_t n = db_get_int(stored, 0);

	return n != INT64_MIN && n >= db_get_int(posted, 0) ? stored : posted;
}

struct conversation_rows {
	struct db_rows *posted, *messages, *responses, *labels, *intents;
};

static void
write_conversation(struct question *q, const char *id,
    const struct analytics_period *p, struct conversation_rows *c)
{
	struct buf *to = &q->answer->body;
	const struct db_rows *r = c->posted, *most, *times;
	bool responds;

	(void)db_next(c->posted);
	(void)db_next(c->messages);
	(void)db_next(c->responses);
	most = with_more(c->messages, r);
	responds = db_get(c->responses, 0) != NULL;
	times = responds ? c->responses : r;
	jsonw_open(to);
	jsonw_str(to, "conversation_id", id);
	member_period(to, p);
	jsonw_open_in(to, "message_metrics");
	member_cell(to, "total_messages", most, 0);
	member_cell(to, "inbound_messages", most, 1);
	member_cell(to, "outbound_messages", most, 2);
	/* Lengths may have been posted although texts are not stored. */
	member_cell(
	    to, "avg_message_length", db_get(most, 3) != NULL ? most : r, 3);
	jsonw_close(to);
	jsonw_open_in(to, "sentiment_metrics");
	member_cell(to, "avg_sentiment", r, 4);
	write_word_counts(to, "sentiment_distribution", c->labels);
	jsonw_close(to);
	jsonw_open_in(to, "intent_metrics");
	write_word_counts(to, "intent_distribution", c->intents);
	member_cell(to, "intent_changes", r, 5);
	jsonw_close(to);
	jsonw_open_in(to, "performance_metrics");
	member_cell(to, "avg_response_time", times, responds ? 0 : 6);
	member_cell(to, "max_response_time", times, responds ? 1 : 7);
	member_cell(to, "min_response_time", times, responds ? 2 : 8);
	jsonw_close(to);
	reply_end(q, NULL);
}

static void
answer_conversation(struct question *q)
{
	struct analytics_period p = { .end = q->request->now_ms };
	struct conversation_rows c = { .posted = NULL };
	char id[RECORD_MAX_ID + 1];
	struct original_query o;

	if (!reply_takes_object(q))
		return;
	p.start = CLOCK_NONE;
	original_query_begin(&o, q);
	original_query_time(&o, "start_time", false, &p.start);
	original_query_time(&o, "end_time", false, &p.end);
	if (p.start == CLOCK_NONE)
		p.start = p.end - 7 * DAY_MS;
	if (original_query_end(&o) && question_part(q, 4, id) &&
	    ask_conversation(q, id, &p, &c.posted) &&
	    ask_stored_conversation(q, id, &p, &c.messages, &c.responses) &&
	    ask_words(q, "sentiment_label", id, &p, &c.labels) &&
	    ask_words(q, "intent_name", id, &p, &c.intents))
		write_conversation(q, id, &p, &c);
	db_rows_free(c.posted);
	db_rows_free(c.messages);
	db_rows_free(c.responses);
	db_rows_free(c.labels);
	db_rows_free(c.intents);
}

const struct resource original_conversation = {
	"/api/v1/analytics/conversations/{conversation_id}/analytics",
	VIEWER_LEAD, "conversation_analytics",
	"Posted analytics of a conversation's messages; by default, "
	"those of the last seven days.",
	.answer = answer_conversation,
	.parameters = LIST_NAMES("tenant_id", "start_time", "end_time"),
	.required = 1, .lenient = true, .of_tenant = true,
	.shape =
	    "{conversation_id: text, period: @Period, message_metrics: "
	    "{total_messages: count, inbound_messages: count, "
	    "outbound_messages: count, avg_message_length: number}, "
	    "sentiment_metrics: {avg_sentiment: number, sentiment_distribution:"
	    " <count>}, intent_metrics: {intent_distribution: <count>, "
	    "intent_changes: count}, performance_metrics: {avg_response_time: "
	    "number, max_response_time: number, min_response_time: number}}"
};

/* A channel by hour, newest first: the counts in hours that begin in the
 * period. */
enum { HOUR, CONVERSATIONS, MESSAGES };

static bool
ask_hours(struct question *q, const char *id, const struct analytics_period *p,
    struct db_rows **rows)
{
	struct buf sql = BUF_INIT;
	bool good;

	/* Rows from elsewhere may lack the counts. */
	buf_addf(&sql,
	    "SELECT `hour`, COALESCE(active_conversations, 0), "
	    "COALESCE(messages, 0) FROM channel_metrics WHERE tenant = ? AND "
	    "channel = ? AND `hour` >= ? "
	    "AND `hour` <= ? ORDER BY 1 DESC LIMIT %d",
	    HOURS_MAX + 1);
	good = ask_in_period(q, buf_str(&sql), id, p, rows);
	buf_release(&sql);
	/* The series and its sums must not end without an error. */
	if (good && db_rows_count(*rows) > HOURS_MAX)
		return question_problem(q, 400,
		    "the range has more than %d hours; use a shorter range",
		    HOURS_MAX);
	return good;
}

/* Finds the responses in the channel in each of its hours; the slot is the
 * row's index. The caller releases them. */
static bool
ask_hours_responses(struct question *q, const char *id,
    const struct analytics_period *p, struct db_rows *hours,
    struct response_sums *sums)
{
	const struct response_kind *kind = response_kind_named("response");
	const struct response_filter choice = {
		.kind = kind, .channel = id, .of_tenant = true
	};
	size_t n = db_rows_count(hours), i = 0;
	int64_t *begins = xcalloc(n + 1, sizeof *begins), end = p->start;
	struct response_plan plan = { .stretches = NULL };
	bool good;

	for (; db_next(hours); i++)
		begins[i] = db_get_time(hours, HOUR);
	db_rewind(hours);
	while (i-- > 0) { /* the newest comes first */
		if (begins[i] > end)
			response_plan_stretch(&plan, end, -1);
		response_plan_stretch(&plan, begins[i], (int64_t)i);
		end = begins[i] + HOUR_MS;
	}
	response_plan_stretch(&plan, end <= p->end ? end : p->end + 1, -1);
	free(begins);
	good = response_sums_read(q, &plan, &choice, GROUP_NONE, sums);
	response_plan_release(&plan);
	return good;
}

/* The average of the responses, in seconds; null if there are none. */
static void
member_response_time(
    struct buf *to, const char *name, int64_t sum_ms, int64_t n)
{
	member_real(to, name, n > 0,
	    n > 0 ? (double)sum_ms / MS_OF_SECOND / (double)n : 0);
}

static void
write_channel_metrics(struct buf *to, struct db_rows *hours,
    const struct response_sums *responses)
{
	int64_t conversations = 0, messages = 0, n = 0, sum_ms = 0;
	size_t i;

	while (db_next(hours)) {
		conversations += db_get_int(hours, CONVERSATIONS);
		messages += db_get_int(hours, MESSAGES);
	}
	db_rewind(hours);
	for (i = 0; i < responses->n; i++) {
		n += responses->list[i].of.n;
		sum_ms += responses->list[i].of.sum_ms;
	}
	jsonw_int(to, "total_conversations", conversations);
	jsonw_int(to, "total_messages", messages);
	member_response_time(to, "avg_response_time", sum_ms, n);
	jsonw_null(to, "success_rate");
	jsonw_null(to, "uptime_percentage");
}

static void
add_hour(struct buf *to, const struct db_rows *hour,
    const struct span_sum *responses)
{
	jsonw_next(to);
	jsonw_open(to);
	jsonw_time(to, "timestamp", db_get_time(hour, HOUR));
	jsonw_int(to, "active_conversations", db_get_int(hour, CONVERSATIONS));
	jsonw_int(to, "messages_processed", db_get_int(hour, MESSAGES));
	member_response_time(
	    to, "response_time", responses->sum_ms, responses->n);
	jsonw_null(to, "success_rate");
	jsonw_close(to);
}

static void
write_channel(struct question *q, const char *id,
    const struct analytics_period *p, struct db_rows *hours,
    const struct response_sums *responses)
{
	struct buf *to = &q->answer->body;
	const struct span_sum none = { .n = 0 };
	size_t i, k = 0;
	bool responds;

	jsonw_open(to);
	jsonw_str(to, "channel_id", id);
	member_period(to, p);
	jsonw_open_in(to, "metrics");
	if (db_rows_count(hours) > 0)
		write_channel_metrics(to, hours, responses);
	jsonw_close(to);
	jsonw_key(to, "time_series");
	jsonw_list(to);
	/* Both are sorted. */
	for (i = 0; db_next(hours); i++) {
		responds = k < responses->n && responses->list[k].slot == i;
		add_hour(to, hours, responds ? &responses->list[k].of : &none);
		k += responds;
	}
	jsonw_list_end(to);
	reply_end(q, NULL);
}

static void
answer_channel(struct question *q)
{
	struct analytics_period p = { .start = 0 };
	struct response_sums responses = { .n = 0 };
	struct db_rows *hours = NULL;
	char id[RECORD_MAX_ID + 1];
	struct original_query o;

	if (!reply_takes_object(q))
		return;
	original_query_begin(&o, q);
	original_query_time(&o, "start_time", true, &p.start);
	original_query_time(&o, "end_time", true, &p.end);
	if (original_query_end(&o) && question_part(q, 4, id) &&
	    ask_hours(q, id, &p, &hours) &&
	    ask_hours_responses(q, id, &p, hours, &responses)) {
		write_channel(q, id, &p, hours, &responses);
		response_sums_release(&responses);
	}
	db_rows_free(hours);
}

const struct resource original_channel = {
	"/api/v1/analytics/channels/{channel_id}/analytics", VIEWER_OPERATOR,
	"channel_analytics", "Figures of channels by hour, newest first.",
	.answer = answer_channel,
	.parameters = LIST_NAMES("tenant_id", "start_time", "end_time"),
	.required = 3, .lenient = true, .of_tenant = true,
	.shape =
	    "{channel_id: text, period: @Period, metrics: "
	    "{total_conversations?: count, total_messages?: count, "
	    "avg_response_time?: number?, success_rate?: null, "
	    "uptime_percentage?: null} 'Empty if there are no hours', "
	    "time_series: [{timestamp: time, active_conversations: count, "
	    "messages_processed: count, response_time: number?, success_rate: "
	    "null}]}"
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

/* Appends the conditions for the hours that begin in the period and are added
 * up, and for the rows of those that are not yet (sink/rollup/sums_due.h);
 * adjacent hours are one range. Returns false if the answer is now a
 * problem. */
static bool
find_posted_hours(struct question *q, const struct analytics_period *p,
    struct buf *hours, struct buf *rows)
{
	const struct db_value args[] = { db_time(p->start), db_time(p->end) };
	struct db_rows *due = NULL;
	int64_t from, to;
	bool more;

	if (!question_ask(q,
		"SELECT `hour` FROM sums_due WHERE tenant = ? AND `hour` >= ? "
		"AND `hour` <= ? ORDER BY `hour`",
		args, ARRAY_LEN(args), &due))
		return false;
	add_range(q, "`hour`", p->start, p->end + 1, hours);
	buf_adds(rows, "(FALSE");
	for (more = db_next(due); more;) {
		from = to = db_get_time(due, 0);
		for (; more && db_get_time(due, 0) == to; more = db_next(due))
			to += HOUR_MS;
		buf_adds(rows, " OR ");
		add_range(q, "created_at", from, to, rows);
		buf_adds(hours, " AND NOT ");
		add_range(q, "`hour`", from, to, hours);
	}
	buf_addc(rows, ')');
	db_rows_free(due);
	return true;
}

/* The server adds whole numbers as decimals, which is slower than with doubles,
 * to which + 0e0 converts them; these are exact up to 2^53, and CAST writes
 * them without an exponent. */
static bool
ask_posted_messages(
    struct question *q, const struct analytics_period *p, struct db_rows **rows)
{
	const struct db_value tenant = db_str(q->viewer.tenant);
	struct buf in_hours = BUF_INIT, in_rows = BUF_INIT, sql = BUF_INIT;
	bool good = find_posted_hours(q, p, &in_hours, &in_rows);

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
	    buf_str(&in_hours), buf_str(&in_rows));
	good = good && question_ask(q, buf_str(&sql), &tenant, 1, rows);
	buf_release(&in_hours);
	buf_release(&in_rows);
	buf_release(&sql);
	return good;
}

/* Queries the messages counted by hour and channel, in hours that begin in the
 * period; if there are no such rows, the stored messages. */
static bool
ask_counted_messages(
    struct question *q, const struct analytics_period *p, struct db_rows **rows)
{
	const struct db_value args[] = { db_time(p->start), db_time(p->end) };
	bool good = question_ask(q,
	    "SELECT SUM(messages), SUM(inbound_messages), "
	    "SUM(outbound_messages) FROM channel_metrics WHERE tenant = ? "
	    "AND `hour` >= ? AND `hour` <= ?",
	    args, ARRAY_LEN(args), rows);

	if (!good || !db_next(*rows) || db_get(*rows, 0) != NULL)
		return good;
	db_rows_free(*rows);
	*rows = NULL;
	return question_ask(q,
		   "SELECT COUNT(*), SUM(sender = 'customer'), "
		   "SUM(sender <> 'customer') FROM messages WHERE tenant = ? "
		   "AND created_at >= ? AND created_at <= ? AND " IS_MESSAGE,
		   args, ARRAY_LEN(args), rows) &&
	       db_next(*rows);
}

/* The period ends now, so a conversation with any message in it also has its
 * last message in it. CLOCK_NONE: conversations are not kept. */
static bool
count_active(struct question *q, int64_t period_ms, int64_t *n)
{
	const struct db_value since = db_time(q->request->now_ms - period_ms);
	struct db_rows *rows = NULL;
	struct kept_lacking lacking = { .n = 0 };
	bool good;

	/* Without this hint, the server would count in all rows of the
	 * tenant. */
	good = question_ask(q,
	    "SELECT COUNT(*) FROM conversation_metrics FORCE INDEX (by_time) "
	    "WHERE tenant = ? AND last_message_at >= ?",
	    &since, 1, &rows);
	*n = good && db_next(rows) ? db_get_int(rows, 0) : 0;
	db_rows_free(rows);
	good =
	    good && kept_find_if_empty(q, *n == 0, "conversations", &lacking);
	if (lacking.n > 0)
		*n = CLOCK_NONE;
	return good;
}

/* Finds the number and total duration of the intervals of a kind, for the whole
 * tenant, like the conversations. CLOCK_NONE: not everything is kept. */
static bool
ask_durations(struct question *q, const struct analytics_period *p,
    const char *kind, int64_t *n, int64_t *sum_ms)
{
	const struct response_filter choice = {
		.kind = response_kind_named(kind), .of_tenant = true
	};
	struct response_plan plan = { .stretches = NULL };
	struct response_sums sums;
	bool good;

	response_plan_stretch(&plan, p->start, 0);
	response_plan_stretch(&plan, p->end, -1);
	good = response_sums_read(q, &plan, &choice, GROUP_NONE, &sums);
	*n = sums.n > 0 ? sums.list[0].of.n : 0;
	if (response_sums_unknown(&sums))
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

struct dashboard {
	struct db_rows *posted, *counted; /* messages */
	int64_t active;                   /* conversations */
	int64_t resolved, resolved_ms;
	int64_t responses, responses_ms;
};

static void
write_messages(struct buf *to, const struct dashboard *d)
{
	const struct db_rows *most = with_more(d->counted, d->posted);

	jsonw_open_in(to, "message_metrics");
	member_cell(to, "total", most, 0);
	member_cell(to, "inbound", most, 1);
	member_cell(to, "outbound", most, 2);
	member_cell(to, "avg_sentiment", d->posted, 3);
	if (d->responses > 0)
		member_real(to, "avg_response_time", true,
		    (double)d->responses_ms / MS_OF_SECOND /
			(double)d->responses);
	else
		member_cell(to, "avg_response_time", d->posted, 4);
	jsonw_close(to);
}

static void
write_dashboard(struct question *q, const struct analytics_period *p,
    const struct dashboard *d)
{
	struct buf *to = &q->answer->body;

	jsonw_open(to);
	member_period(to, p);
	write_messages(to, d);
	write_conversations(to, d->active, d->resolved, d->resolved_ms);
	reply_end(q, NULL);
}

static void
answer_dashboard(struct question *q)
{
	static const char *const words[] = { "hour", "day", "week", "month",
		NULL };
	static const int days[] = { 1, 7, 28, 90 };
	struct analytics_period p = { .end = q->request->now_ms }, times;
	struct dashboard d = { .posted = NULL };
	struct original_query o;
	int64_t period_ms;

	if (!reply_takes_object(q))
		return;
	original_query_begin(&o, q);
	period_ms = days[original_query_word(&o, "period", words, 1)] * DAY_MS;
	p.start = p.end - period_ms;
	/* Intervals count up to the end of this hour. */
	times = (struct analytics_period){ .start = p.start,
		.end = clock_floor(p.end, HOUR_MS) + HOUR_MS };
	if (original_query_end(&o) && ask_posted_messages(q, &p, &d.posted) &&
	    db_next(d.posted) && ask_counted_messages(q, &p, &d.counted) &&
	    count_active(q, period_ms, &d.active) &&
	    ask_durations(
		q, &times, "resolution", &d.resolved, &d.resolved_ms) &&
	    ask_durations(q, &times, "response", &d.responses, &d.responses_ms))
		write_dashboard(q, &p, &d);
	db_rows_free(d.posted);
	db_rows_free(d.counted);
}

const struct resource original_dashboard = { "/api/v1/analytics/dashboard",
	VIEWER_OPERATOR, "dashboard",
	"The last 24 hours, 7 days, 4 weeks or 90 days.",
	.answer = answer_dashboard,
	.parameters = LIST_NAMES("tenant_id", "period"), .required = 1,
	.lenient = true, .of_tenant = true,
	.shape =
	    "{period: @Period, message_metrics: {total: count, inbound: count, "
	    "outbound: count, avg_sentiment: number, avg_response_time: "
	    "number}, conversation_metrics: {total: count? 'Null, like "
	    "resolution_rate, if conversations are not stored', resolved: "
	    "count? 'Null, like avg_duration and resolution_rate, if a metric "
	    "that it needs is not stored', avg_duration: number? 'In minutes', "
	    "resolution_rate: number 0..100?}}" };

/* No token is needed, and the status is always 200. */
static void
answer_health(struct question *q)
{
	struct web_answer *a = q->answer;
	bool good;

	if (!reply_takes_object(q))
		return;
	good = question_begin(q);
	question_end(q);
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

#define HEALTH_SHAPE                                                           \
	"{status: (healthy|unhealthy), timestamp: time, database_connected: "  \
	"flag, cache_connected: null, processing_queue_size: null}"

const struct resource original_analytics_health = { "/api/v1/analytics/health",
	VIEWER_NONE, "analytics_health", "Whether the database answers.",
	.answer = answer_health, .lenient = true, .shape = HEALTH_SHAPE };

const struct resource original_health = { "/health", VIEWER_NONE, "health",
	"Whether the database answers.", .answer = answer_health,
	.lenient = true, .shape = HEALTH_SHAPE };
