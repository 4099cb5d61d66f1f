/*
 * mode_explain: sink --explain: one chat from the database, message by message,
 * with the stored intervals that each message ended. It also shows chats that
 * are closed, or that were read by a backfill; aggregator --explain computes
 * the intervals of a chat from records instead. Anyone who may read the
 * database acts as an administrator here, as with --get.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/digest/encoding.h"
#include "common/json/jsonw.h"
#include "sink/modes/modes.h"
#include "sink/resources/by_hand.h"

struct explained {
	const struct viewer *viewer;
	struct db *db;
	int64_t timeout_ms;
	json_t *operators;  /* rows: operator, name */
	json_t *timeline;   /* the answer */
	struct buf records; /* the lines, as NDJSON */
};

static const struct output_column columns[] = {
	{ "time", OUTPUT_TEXT },
	{ "who", OUTPUT_TEXT },
	{ "what", OUTPUT_TEXT },
	{ "clock", OUTPUT_TEXT },
	{ "seconds", OUTPUT_NUMBER },
	{ "credited", OUTPUT_TEXT },
};

/* Returns the answer, owned; NULL after a message. */
static json_t *
get(struct explained *x, const char *target, enum exit_code *code)
{
	struct web_answer a = { .status = 200 };
	json_t *v = NULL;

	by_hand_get(x->viewer, x->db, x->timeout_ms, target, &a);
	if (a.status >= 400)
		*code = by_hand_explain(&a, x->db, target);
	else
		v = json_loadb(a.body.data, a.body.len, 0, NULL);
	buf_release(&a.body);
	buf_release(&a.headers);
	return v;
}

static const char *
text_of(const json_t *row, const char *member)
{
	return json_string_value(json_object_get(row, member));
}

static bool
is(const json_t *row, const char *member, const char *value)
{
	const char *text = text_of(row, member);

	return text != NULL && strcmp(text, value) == 0;
}

/* Appends the name and the id. */
static void
add_operator(const struct explained *x, const char *id, struct buf *to)
{
	const json_t *row;
	size_t i;

	json_array_foreach (x->operators, i, row)
		if (is(row, "operator", id) && text_of(row, "name") != NULL) {
			buf_addf(to, "%s (%s)", text_of(row, "name"), id);
			return;
		}
	buf_adds(to, id);
}

static void
write_text(struct explained *x, const char *name, const char *text)
{
	if (text != NULL)
		jsonw_str(&x->records, name, text);
	else
		jsonw_null(&x->records, name);
}

static void
write_member(struct explained *x, const char *name, struct buf *text)
{
	write_text(x, name, text->len > 0 ? buf_str(text) : NULL);
	buf_clear(text);
}

static const char *
clock_word(const json_t *interval)
{
	static const char *const words[][2] = {
		{ "first_response", "first response" },
		{ "resolution", "resolution" },
		{ "unanswered", "closed unanswered" },
		{ "waiting", "held while waiting" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(words); i++)
		if (is(interval, "kind", words[i][0]))
			return words[i][1];
	return "reply";
}

/* Begins a line: about a message, or about a time and an event; without any of
 * them, about another interval of the line before. */
static void
begin_line(struct explained *x, const char *time, const json_t *message,
    const char *event)
{
	struct buf text = BUF_INIT;
	const char *operator_id = text_of(message, "operator"),
		   *who = message != NULL ? text_of(message, "sender") : event,
		   *kind = text_of(message, "message_type"),
		   *content = text_of(message, "content");

	jsonw_open(&x->records);
	write_text(x, "time", time);
	if (operator_id != NULL)
		add_operator(x, operator_id, &text);
	else if (who != NULL)
		buf_adds(&text, who);
	write_member(x, "who", &text);
	if (json_is_true(json_object_get(message, "private")))
		buf_adds(&text, "note, ");
	if (json_is_true(json_object_get(message, "automated")))
		buf_adds(&text, "automated, ");
	if (message != NULL)
		buf_adds(&text, kind != NULL ? kind : "message");
	if (content != NULL)
		buf_addf(&text, ": %s", content);
	write_member(x, "what", &text);
	buf_release(&text);
}

static void
end_line(struct explained *x, const json_t *interval, const char *clock)
{
	const char *operator_id = text_of(interval, "operator");
	const json_t *seconds = json_object_get(interval, "seconds");
	struct buf text = BUF_INIT;

	write_text(x, "clock", clock);
	jsonw_key(&x->records, "seconds");
	if (json_is_number(seconds))
		buf_addf(&x->records, "%.3f", json_number_value(seconds));
	else
		buf_adds(&x->records, "null");
	if (operator_id != NULL)
		add_operator(x, operator_id, &text);
	write_member(x, "credited", &text);
	jsonw_line(&x->records);
	buf_release(&text);
}

/* Appends the lines of the intervals that end at that time with that message;
 * without one, of those that end before the time (NULL: of all) and whose
 * message is not stored. Each is used once. Returns their number. */
static size_t
add_intervals(struct explained *x, json_t *intervals, const json_t *message,
    const char *time)
{
	json_t *interval;
	const char *end;
	size_t i, n = 0;

	json_array_foreach (intervals, i, interval) {
		end = text_of(interval, "end_at");
		if (json_object_get(interval, "used") != NULL ||
		    json_is_true(json_object_get(interval, "withdrawn")))
			continue;
		if (message != NULL ? time == NULL || strcmp(end, time) != 0 ||
					  !is(interval, "message",
					      text_of(message, "message_id"))
				    : time != NULL && strcmp(end, time) >= 0)
			continue;
		if (message == NULL)
			begin_line(x, end, NULL, "chat");
		else if (n == 0)
			begin_line(x, time, message, NULL);
		else
			begin_line(x, NULL, NULL, NULL);
		end_line(x, interval, clock_word(interval));
		(void)json_object_set_new(interval, "used", json_true());
		n++;
	}
	return n;
}

static void
add_lines(struct explained *x)
{
	json_t *messages = json_object_get(x->timeline, "messages"),
	       *intervals = json_object_get(x->timeline, "intervals"),
	       *running = json_object_get(x->timeline, "running"), *row;
	const char *time;
	size_t i;

	json_array_foreach (messages, i, row) {
		time = text_of(row, "created_at");
		(void)add_intervals(x, intervals, NULL, time);
		if (add_intervals(x, intervals, row, time) == 0) {
			begin_line(x, time, row, NULL);
			end_line(x, NULL, NULL);
		}
	}
	(void)add_intervals(x, intervals, NULL, NULL);
	json_array_foreach (running, i, row) {
		begin_line(x, text_of(row, "as_of"), NULL, "now");
		end_line(x, row, "still waiting");
	}
}

static enum exit_code
print_lines(struct explained *x, const struct sink *s)
{
	enum output_format format = output_format_resolve(s->format);
	struct buf text = BUF_INIT;

	add_lines(x);
	output_records(columns, ARRAY_LEN(columns), format, &x->records, &text);
	(void)fwrite(buf_str(&text), 1, text.len, stdout);
	buf_release(&text);
	if (json_is_true(json_object_get(x->timeline, "more")))
		log_warn("later messages are left out; see sink --get "
			 "'/api/v1/chats/CHAT/timeline?at=TIME'");
	return prog_flush();
}

static enum exit_code
explain(struct explained *x, const struct sink *s)
{
	struct buf target = BUF_INIT;
	enum exit_code code = PROG_UNAVAILABLE;
	json_t *answer = get(x, "/api/v1/operators?limit=1000", &code);

	x->operators = json_incref(json_object_get(answer, "rows"));
	json_decref(answer);
	if (x->operators != NULL) {
		buf_adds(&target, "/api/v1/chats/");
		percent_encode(&target, s->explain);
		buf_adds(&target, "/timeline");
		x->timeline = get(x, buf_str(&target), &code);
	}
	if (x->timeline != NULL)
		code = print_lines(x, s);
	json_decref(x->operators);
	json_decref(x->timeline);
	buf_release(&x->records);
	buf_release(&target);
	return code;
}

static enum exit_code
explain_chat(struct sink *s, struct db **db)
{
	int64_t timeout_ms = conf_int(s->common.conf, "serve", "query_timeout");
	struct viewer v;
	struct explained x = {
		.viewer = &v, .db = *db, .timeout_ms = timeout_ms
	};
	enum exit_code code;

	sink_answer_within(*db, timeout_ms);
	code = sink_find_viewer(s, *db, &v);
	return code == PROG_OK ? explain(&x, s) : code;
}

static const struct option_row rows[] = {
	OPTION_FORMAT(struct sink, format),
	OPTION_TEXT(0, "tenant", "NAME", struct sink, tenant,
	    "the tenant; needed if there are several"),
};

static enum exit_code
run_explain(void *options)
{
	return sink_with_schema(options, explain_chat);
}

const struct option_mode sink_mode_explain = {
	.choice = OPTION_TEXT(0, "explain", "CHAT", struct sink, explain,
	    "explain the stored response times of a chat"),
	.about = "Shows CHAT message by message from the database: the "
		 "response, wait or\nresolution that each message ended, the "
		 "seconds, and the operator credited.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = sink_check_tenant,
	.run = run_explain,
};
