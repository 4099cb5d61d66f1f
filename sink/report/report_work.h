/*
 * report_work: a report under way, and how its sections get their figures: the
 * API's answers, as JSON, and statements that add up what the API has as lists.
 */
#ifndef SINK_REPORT_REPORT_WORK_H
#define SINK_REPORT_REPORT_WORK_H

#include <jansson.h>

#include "common/calendar/calendar.h"
#include "common/http/web.h"
#include "sink/api/kept.h"
#include "sink/api/question.h"
#include "sink/page/figures.h"
#include "sink/report/report.h"

struct report_work {
	const struct report_request *request; /* borrowed */
	struct zone *zone;                    /* owned */
	const char *zone_name;
	char from_day[CALENDAR_TEXT], to_day[CALENDAR_TEXT];
	int64_t from, to;
	/* The previous period. While this one runs, that is the same elapsed
	 * part, which ends within a day. */
	int64_t before, before_to;
	bool runs;
	char before_day[CALENDAR_TEXT], before_end[CALENDAR_TEXT];
	json_t *totals; /* the answer about the whole; owned */
	/* Rows of the totals of intervals by their kind, of the span and of the
	 * one before; owned. */
	json_t *kinds;
	json_t *names; /* of operators, by id; owned */
	struct kept_lacking not_kept;
	/* Responses of an hour that the span, or the one before, cuts are
	 * stored, and intervals of it missing. */
	bool cut_hour_lacks;
	struct db *db; /* borrowed */
	struct web_request web;
	struct web_answer answer; /* of the last question */
	enum exit_code code;      /* why it failed */
};

/* Finds out the days and reads what all sections share. False: r->code says
 * why; release it all the same. */
bool report_begin(struct report_work *r) __attribute__((warn_unused_result));
void report_end(struct report_work *r);

/* The same report for another thread, by another connection, which is borrowed;
 * it borrows what they share, too. */
struct report_work report_another(const struct report_work *r, struct db *db);
void report_another_end(struct report_work *r);

/* The rows of /api/v1/RESOURCE over the span, with further parameters ("" or
 * "&by=day"). Owned by the caller; NULL: it failed. */
json_t *report_ask(struct report_work *r, const char *resource,
    const char *more) __attribute__((warn_unused_result));

/* Rows of a statement, as question_ask(). */
bool report_query(struct report_work *r, const char *sql,
    const struct db_value *args, size_t n, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* Adds the rows of a statement about the tenant and the span: its columns are
 * those of the table, the last `times` of them times. */
bool report_fill(struct report_work *r, struct figure_table *t, const char *sql,
    size_t times) __attribute__((warn_unused_result));

/* The name of an operator, or the id. Borrowed. */
const char *report_operator(const struct report_work *r, const char *id);

/* Adds a member of an object as a cell. */
void report_add(struct figure_table *t, const json_t *row, const char *member);

/* Adds the members that the columns from that one on name. */
void report_add_from(struct figure_table *t, const json_t *row, size_t column);

/* A number; 0: it is absent. */
double report_number(const json_t *row, const char *member);

/* Writes "2026-11-20 10:00", by the clock in the zone. */
void report_time(
    const struct report_work *r, int64_t ms, char text[CALENDAR_TEXT]);

/* Adds that as a cell. */
void report_add_time(
    const struct report_work *r, struct figure_table *t, int64_t ms);

#endif
