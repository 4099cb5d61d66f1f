/*
 * report_work: see report_work.h.
 */
#include "sink/report/report_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/digest/encoding.h"
#include "sink/api/reply.h"
#include "sink/resources/by_hand.h"

#define V1 "/api/v1/"
#define NOBODY "(nobody)"

static const char *
no_text(const struct web_request *r, const char *name)
{
	(void)r;
	(void)name;
	return NULL;
}

/* Anyone who gave days knows those, and no address of the API: where they are
 * what is refused, they are named. */
static void
explain_refusal(struct report_work *r, const char *target, bool of_span)
{
	bool bad = r->answer.status == 400 || r->answer.status == 422;
	char *days = NULL;

	if (of_span && bad && r->request->from != NULL)
		days = xasprintf(
		    "--from %s --to %s", r->request->from, r->request->to);
	r->code =
	    by_hand_explain(&r->answer, r->db, days != NULL ? days : target);
	free(days);
}

/* The answer to a GET; of_span: it names the days. */
static json_t *
get_json(struct report_work *r, const char *target, bool of_span)
{
	json_t *answer;

	buf_clear(&r->answer.body);
	buf_clear(&r->answer.headers);
	by_hand_get(r->request->viewer, r->db, r->request->timeout_ms, target,
	    &r->answer);
	if (r->answer.status >= 400) {
		explain_refusal(r, target, of_span);
		return NULL;
	}
	answer = json_loadb(r->answer.body.data, r->answer.body.len, 0, NULL);
	if (answer == NULL) {
		log_error("%s: the answer is not JSON", target);
		r->code = PROG_SOFTWARE;
	}
	return answer;
}

static json_t *
ask_span(struct report_work *r, const char *resource, const char *more)
{
	struct buf target = BUF_INIT;
	json_t *answer;

	buf_addf(&target, V1 "%s?from=%s&to=%s&zone=", resource, r->from_day,
	    r->to_day);
	percent_encode(&target, r->zone_name);
	buf_adds(&target, more);
	answer = get_json(r, buf_str(&target), true);
	buf_release(&target);
	return answer;
}

json_t *
report_ask(struct report_work *r, const char *resource, const char *more)
{
	json_t *answer = ask_span(r, resource, more);
	json_t *rows = json_incref(json_object_get(answer, "rows"));

	json_decref(answer);
	return rows;
}

/* About the tenant, as the viewer. */
static struct question
question_of(struct report_work *r)
{
	return (struct question){ .request = &r->web,
		.answer = &r->answer,
		.db = r->db,
		.viewer = *r->request->viewer,
		.timeout_ms = r->request->timeout_ms };
}

bool
report_query(struct report_work *r, const char *sql,
    const struct db_value *args, size_t n, struct db_rows **rows)
{
	struct question q = question_of(r);

	buf_clear(&r->answer.body);
	if (question_ask(&q, sql, args, n, rows))
		return true;
	r->code = by_hand_explain(&r->answer, r->db, "the report");
	return false;
}

static void
take_names(struct report_work *r, const json_t *rows)
{
	const json_t *row;
	size_t i;

	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		json_object_set(r->names,
		    json_string_value(json_object_get(row, "operator")),
		    json_object_get(row, "name"));
	}
}

/* Of all operators, page by page. */
static bool
read_names(struct report_work *r)
{
	struct buf target = BUF_INIT;
	const char *cursor;
	json_t *answer;
	bool more = true;

	r->names = json_object();
	buf_adds(&target, V1 "operators?limit=1000");
	while (more && r->code == PROG_OK) {
		answer = get_json(r, buf_str(&target), false);
		take_names(r, json_object_get(answer, "rows"));
		cursor = json_string_value(json_object_get(answer, "next"));
		more = cursor != NULL;
		if (more)
			buf_setf(&target, V1 "operators?limit=1000&cursor=%s",
			    cursor);
		json_decref(answer);
	}
	buf_release(&target);
	return r->code == PROG_OK;
}

static void
format_day(const struct zone *z, int64_t ms, char *text)
{
	calendar_format(z, ms, text);
	text[strlen(REPORT_DAY)] = '\0';
}

/* Without dates the last week that is over. */
static void
choose_days(struct report_work *r)
{
	int64_t monday =
	    calendar_begin(r->zone, CALENDAR_WEEK, r->request->now_ms);

	if (r->request->from != NULL) {
		(void)snprintf(
		    r->from_day, sizeof r->from_day, "%s", r->request->from);
		(void)snprintf(
		    r->to_day, sizeof r->to_day, "%s", r->request->to);
		return;
	}
	format_day(r->zone, monday, r->to_day);
	format_day(r->zone, calendar_begin(r->zone, CALENDAR_WEEK, monday - 1),
	    r->from_day);
}

static int64_t
time_member(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));
	int64_t ms = 0;

	if (text == NULL || clock_parse(text, strlen(text), &ms) != 0)
		ms = CLOCK_NONE;
	return ms;
}

/* The API knows which period is the previous one. A period that has just begun
 * is compared with nothing. */
static void
find_previous(struct report_work *r, const json_t *row)
{
	int64_t now = r->request->now_ms;

	r->runs = now > r->from && now < r->to;
	r->before = r->before_to = r->from;
	if (row != NULL) {
		r->before = time_member(row, "begin_utc");
		r->before_to = time_member(row, "end_utc");
	}
	format_day(r->zone, r->before, r->before_day);
	if (r->runs)
		report_time(r, r->before_to, r->before_end);
	else
		format_day(r->zone, r->before_to, r->before_end);
}

static bool
read_totals(struct report_work *r)
{
	struct buf more = BUF_INIT;
	const json_t *rows;

	buf_addf(&more, "&by=total&compare=previous&within_seconds=%s",
	    r->request->within);
	r->totals = ask_span(r, "responses", buf_str(&more));
	buf_release(&more);
	if (r->totals == NULL)
		return false;
	rows = json_object_get(r->totals, "rows");
	r->from = time_member(json_array_get(rows, 0), "begin_utc");
	r->to = time_member(json_array_get(rows, 0), "end_utc");
	find_previous(r, json_array_get(rows, 1));
	return true;
}

static void
look_at_counts(struct report_work *r, const json_t *rows)
{
	size_t i;

	for (i = 0; i < json_array_size(rows); i++)
		r->cut_hour_lacks |= json_is_null(
		    json_object_get(json_array_get(rows, i), "count"));
}

static bool
read_kind(struct report_work *r, const char *kind)
{
	struct buf more = BUF_INIT;
	json_t *rows;

	buf_addf(&more, "&by=total&compare=previous&kind=%s", kind);
	rows = report_ask(r, "responses", buf_str(&more));
	buf_release(&more);
	return rows != NULL && json_object_set_new(r->kinds, kind, rows) == 0;
}

static bool
read_kinds(struct report_work *r)
{
	r->kinds = json_object();
	return read_kind(r, "first_response") && read_kind(r, "resolution") &&
	       read_kind(r, "unanswered");
}

/* An hour may have some of one kind only. */
static void
look_at_cut_hours(struct report_work *r)
{
	void *kind;

	look_at_counts(r, json_object_get(r->totals, "rows"));
	for (kind = json_object_iter(r->kinds); kind != NULL;
	     kind = json_object_iter_next(r->kinds, kind))
		look_at_counts(r, json_object_iter_value(kind));
}

static bool
read_not_kept(struct report_work *r)
{
	static const char *const metrics[] = { "histograms", "intervals",
		"conversations", "channels", "views", "alerts", "trends" };
	struct question q = question_of(r);

	if (!kept_find_lacking(&q, metrics, ARRAY_LEN(metrics), &r->not_kept)) {
		r->code = by_hand_explain(&r->answer, r->db, "what is kept");
		return false;
	}
	if (!kept_lacks(&r->not_kept, "histograms"))
		look_at_cut_hours(r);
	kept_drop_derivable(&r->not_kept);
	return true;
}

struct zone *
report_open_zone(const char *name)
{
	struct buf why = BUF_INIT;
	struct zone *zone = zone_open(name, &why);

	if (zone == NULL)
		(void)prog_usage_error("--zone '%s': %s", name, buf_str(&why));
	buf_release(&why);
	return zone;
}

bool
report_begin(struct report_work *r)
{
	r->web = (struct web_request){ .method = WEB_GET,
		.path = V1,
		.body = "",
		.peer = "::1",
		.now_ms = r->request->now_ms,
		.header = no_text,
		.query = no_text };
	r->zone_name = r->request->zone != NULL ? r->request->zone : "UTC";
	r->zone = report_open_zone(r->zone_name);
	if (r->zone == NULL) {
		r->code = PROG_USAGE;
		return false;
	}
	choose_days(r);
	return read_totals(r) && read_kinds(r) && read_names(r) &&
	       read_not_kept(r);
}

void
report_end(struct report_work *r)
{
	zone_close(r->zone);
	json_decref(r->totals);
	json_decref(r->kinds);
	json_decref(r->names);
	report_another_end(r);
}

struct report_work
report_another(const struct report_work *r, struct db *db)
{
	struct report_work another = *r;

	another.answer = (struct web_answer){ .status = 0 };
	another.db = db;
	return another;
}

void
report_another_end(struct report_work *r)
{
	buf_release(&r->answer.body);
	buf_release(&r->answer.headers);
}

const char *
report_operator(const struct report_work *r, const char *id)
{
	const char *name;

	if (id == NULL || *id == '\0')
		return NOBODY;
	name = json_string_value(json_object_get(r->names, id));
	return name != NULL && *name != '\0' ? name : id;
}

void
report_add(struct figure_table *t, const json_t *row, const char *member)
{
	const json_t *v = json_object_get(row, member);
	char text[32];

	if (json_is_integer(v)) {
		figure_add_int(t, json_integer_value(v));
	} else if (json_is_real(v)) {
		/* As the API has it: shares have four decimals. */
		(void)snprintf(text, sizeof text,
		    strcmp(member, "within") == 0 ? "%.4f" : "%.3f",
		    json_real_value(v));
		figure_add(t, text);
	} else {
		figure_add(t, json_string_value(v));
	}
}

void
report_add_from(struct figure_table *t, const json_t *row, size_t column)
{
	for (; column < t->columns_n; column++)
		report_add(t, row, t->columns[column].name);
}

double
report_number(const json_t *row, const char *member)
{
	return json_number_value(json_object_get(row, member));
}

void
report_time(const struct report_work *r, int64_t ms, char text[CALENDAR_TEXT])
{
	calendar_format(r->zone, ms, text);
	text[strlen(REPORT_DAY)] = ' ';
	text[strlen(REPORT_DAY " 10:00")] = '\0';
}

void
report_add_time(const struct report_work *r, struct figure_table *t, int64_t ms)
{
	char text[CALENDAR_TEXT];

	report_time(r, ms, text);
	figure_add(t, text);
}

bool
report_fill(struct report_work *r, struct figure_table *t, const char *sql,
    size_t times)
{
	const struct db_value args[] = { db_time(r->from), db_time(r->to) };
	struct db_rows *rows = NULL;
	size_t i;

	if (!report_query(r, sql, args, 2, &rows))
		return false;
	while (db_next(rows)) {
		for (i = 0; i < t->columns_n - times; i++)
			figure_add(t, db_get(rows, i));
		for (; i < t->columns_n; i++)
			report_add_time(r, t, db_get_time(rows, i));
	}
	db_rows_free(rows);
	return true;
}
