/*
 * question: see question.h.
 */
#include "sink/api/question.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "sink/answer/problem.h"

/* The server's number for a statement that took too long, MariaDB's and
 * MySQL's. */
#define TOO_LONG_MARIADB 1969
#define TOO_LONG_MYSQL 3024

bool
question_problem(struct question *q, int status, const char *detail, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, detail);
	buf_addv(&text, detail, ap);
	va_end(ap);
	problem_answer(q->answer, status, buf_str(&text));
	buf_release(&text);
	return false;
}

bool
question_late(struct question *q)
{
	return question_problem(q, 503,
	    "the answer takes longer than [serve] query_timeout; ask for less, "
	    "such as a shorter range, or allow more there");
}

static bool
explain_failure(struct question *q)
{
	unsigned number = db_errno(q->db);

	if (number == TOO_LONG_MARIADB || number == TOO_LONG_MYSQL)
		return question_late(q);
	log_error("%s", db_why(q->db));
	if (db_outcome(db_cause(q->db)) != OUTCOME_LATER)
		return question_problem(q, 500, "the tables cannot be read");
	q->answer->retry_after = 1;
	return question_problem(q, 503,
	    number == DB_LOCKED
		? "somebody else keeps a table locked; try again"
		: "the database is away; try again");
}

static bool
ask_first(struct question *q, const char *sql, const struct db_value *args,
    size_t n, struct db_bound most, struct db_rows **rows)
{
	struct db_value *all = xcalloc(n + 1, sizeof *all);
	struct buf text = BUF_INIT;
	enum outcome o = q->begun ? db_connect(q->db) : db_wake(q->db);
	size_t i;

	all[0] = db_str(q->viewer.tenant);
	for (i = 0; i < n; i++)
		all[i + 1] = args[i];
	if (o == OUTCOME_DONE) {
		db_select_within(q->db, &text, q->timeout_ms);
		buf_adds(&text, sql + strlen("SELECT "));
		o = db_query_first(
		    q->db, buf_str(&text), all, n + 1, most, rows);
	}
	buf_release(&text);
	free(all);
	if (o != OUTCOME_DONE)
		return explain_failure(q);
	q->rows += db_rows_count(*rows);
	return true;
}

bool
question_ask(struct question *q, const char *sql, const struct db_value *args,
    size_t n, struct db_rows **rows)
{
	const struct db_bound none = { SIZE_MAX, SIZE_MAX };

	return ask_first(q, sql, args, n, none, rows);
}

bool
question_ask_page(struct question *q, const char *sql,
    const struct db_value *args, size_t n, size_t most, struct db_rows **rows)
{
	const struct db_bound page = { most, QUESTION_PAGE_BYTES };

	return ask_first(q, sql, args, n, page, rows);
}

bool
question_begin(struct question *q)
{
	enum outcome o = db_wake(q->db);

	if (o == OUTCOME_DONE)
		o = db_begin_reading(q->db);
	q->begun = o == OUTCOME_DONE;
	return o == OUTCOME_DONE || explain_failure(q);
}

void
question_end(struct question *q)
{
	db_end_reading(q->db);
	q->begun = false;
}
